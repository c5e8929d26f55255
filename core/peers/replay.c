/* The replay memory's rules (SPEC 4): what was seen, what has expired, who has to give way when
 * there is no room. Asked once for every signed request, after its signature was found valid. */
#include "peers/replay.h"

#include "base/hash.h"
#include "peers/replay_shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* 64 shards: with as many workers as machines have cores, two seldom want one lock at one time. */
#define SHARD_BITS_MAX 6
#define SHARD_SIZE_MIN ((size_t)16 * 1024)
#define PAGE_SIZE      ((size_t)4096)

/* Times are kept modulo 2^32 ms, so the window must be well below that. */
#define WINDOW_MAX_MS ((int64_t)INT32_MAX)

/* A quota is at least one chunk to fill, and an older one to give up: with a single chunk a key
 * would forget what it asked a moment ago. */
#define RECLAIM_MAX 2  /* chunks of one credential that are given back in one call */
#define SWEEP_SLOTS 16 /* credentials that are looked after in one call that needs a chunk */
#define QUOTA_MIN   2  /* chunks */

struct replay {
    size_t size_bytes;
    unsigned shard_bits;
    shard shards[];
};

/* ---- making ---- */

static size_t shard_total(const replay *r)
{
    return (size_t)1 << r->shard_bits;
}

static void configure(shard *s, const replay_options *options)
{
    const int64_t window = options->window_ms < 0               ? 0
                           : options->window_ms > WINDOW_MAX_MS ? WINDOW_MAX_MS
                                                                : options->window_ms;
    /* What had left a shorter window is gone. */
    if (window > s->window_ms && s->now_ms - s->window_ms > s->lost_ms) {
        s->lost_ms = s->now_ms - s->window_ms;
    }
    const unsigned percent = options->quota_percent < 100 ? options->quota_percent : 100;
    const uint32_t quota = (uint32_t)((uint64_t)s->chunk_count * percent / 100);
    s->quota = quota > QUOTA_MIN ? quota : QUOTA_MIN;
    s->window_ms = (uint32_t)window;
    s->refuse = options->when_full == REPLAY_REFUSE;
}

/* Pages that no entry has come to yet are reserved, not resident. */
static void *map(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
    if (at == MAP_FAILED) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return at;
}

/* One mapping for all: the kernel hands it out zeroed, as shards want it, and it can be said to the
 * octet what the operator's `size` bought. */
replay *replay_create(const replay_options *options)
{
    const size_t wanted = options->size_bytes / PAGE_SIZE * PAGE_SIZE;
    const size_t size = wanted > SHARD_SIZE_MIN ? wanted : SHARD_SIZE_MIN;
    replay *r = map(size);
    r->size_bytes = size;
    while (r->shard_bits < SHARD_BITS_MAX && size >> (r->shard_bits + 1) >= SHARD_SIZE_MIN) {
        r->shard_bits++;
    }
    const size_t heads = sizeof(*r) + shard_total(r) * sizeof(shard);
    const size_t each = (size - heads) >> r->shard_bits;
    const uint32_t chunks = shard_chunks_for(each);
    for (size_t i = 0; i < shard_total(r); i++) {
        shard *s = &r->shards[i];
        shard_init(s, chunks, (char *)r + heads + i * shard_memory_size(chunks));
        configure(s, options);
        s->lost_ms = INT64_MIN / 2;
    }
    return r;
}

void replay_destroy(replay **r)
{
    if (*r != NULL) {
        for (size_t i = 0; i < shard_total(*r); i++) {
            shard_dispose(&(*r)->shards[i]);
        }
        munmap(*r, (*r)->size_bytes);
        *r = NULL;
    }
}

void replay_configure(replay *r, const replay_options *options)
{
    for (size_t i = 0; i < shard_total(r); i++) {
        pthread_mutex_lock(&r->shards[i].lock);
        configure(&r->shards[i], options);
        pthread_mutex_unlock(&r->shards[i].lock);
    }
}

/* ---- time ---- */

/* A shard's clock never steps back, so each credential's queue is in the order of time. While the
 * given time is behind by less than the window, the clock stands; that covers threads whose idea of
 * now differs. A larger step back is taken as a correction of the system's clock, and from then on
 * the difference is added. Either way nothing leaves the window too early. */
static void clock_set(shard *s, int64_t now_ms)
{
    const int64_t ahead = s->now_ms - (now_ms + s->shift_ms);
    if (ahead <= 0) {
        s->now_ms -= ahead;
    } else if (ahead > s->window_ms) {
        s->shift_ms += ahead;
    }
}

static uint32_t age_ms(const shard *s, uint32_t time)
{
    return (uint32_t)s->now_ms - time;
}

static bool expired(const shard *s, uint32_t time)
{
    return age_ms(s, time) > s->window_ms;
}

/* ---- room ---- */

/* Gives back chunks with nothing but expired entries. Not all at once, whatever has piled up: the
 * lock is held meanwhile, and a worker waits for it. */
static void reclaim(shard *s, uint16_t credential)
{
    const shard_credential *c = &s->credentials[credential];
    for (int n = 0; n < RECLAIM_MAX && c->chunks != 0 && expired(s, s->chunks[c->oldest].time);
         n++) {
        shard_drop_chunk(s, c->oldest);
    }
}

/* Goes round all credentials, some in each call: gives back what has expired, also of those that
 * never come again, and finds out who holds most. That one is kept in mind from call to call. */
static void sweep(shard *s)
{
    const shard_credential *all = s->credentials;
    for (int n = 0; n < SWEEP_SLOTS || (all[s->largest].chunks == 0 && s->chunks_used != 0); n++) {
        s->cursor = s->cursor < s->credential_last ? (uint16_t)(s->cursor + 1) : 1;
        reclaim(s, s->cursor);
        if (all[s->cursor].chunks > all[s->largest].chunks) {
            s->largest = s->cursor;
        }
    }
}

/* Drops the oldest chunk of a credential, though it is not wholly expired. */
static void forget(shard *s, uint16_t credential)
{
    const uint32_t chunk = s->credentials[credential].oldest;
    const shard_chunk *k = &s->chunks[chunk];
    for (unsigned i = 0; i < CHUNK_ENTRIES; i++) {
        s->forgotten += (k->live >> i & 1) != 0 && !expired(s, k->entries[i].time);
    }
    const int64_t time = s->now_ms - age_ms(s, k->time);
    s->lost_ms = time > s->lost_ms ? time : s->lost_ms;
    shard_drop_chunk(s, chunk);
}

/* Sees to it that there is a chunk for the asking credential (0: one that holds nothing yet). False
 * when the request has to be refused for want of room. */
static bool make_room(shard *s, uint16_t asking)
{
    const shard_credential *c = &s->credentials[asking];
    reclaim(s, asking);
    sweep(s);
    /* More than one has to go when the quota was lowered. */
    for (int n = 0; n < RECLAIM_MAX && c->chunks >= s->quota; n++) {
        if (s->refuse) {
            return false;
        }
        forget(s, asking);
    }
    if (shard_has_chunk(s)) {
        return true;
    }
    if (s->refuse) {
        return false;
    }
    forget(s, c->chunks >= s->credentials[s->largest].chunks ? asking : s->largest);
    return true;
}

/* ---- asking ---- */

/* By the fingerprint alone: it comes from the MAC, in which the credential's secret is already. The
 * twin of a request, shifted between `tid` and `ici` (SPEC 4, Boundary), has the same MAC, and so
 * it is found. */
static shard *shard_of(replay *r, const shard_key *key)
{
    return &r->shards[(key->hash >> (64 - SHARD_BITS_MAX)) & (shard_total(r) - 1)];
}

static replay_verdict remember(shard *s, const shard_key *key, uint64_t credential_hash,
                               uint64_t digest)
{
    const uint16_t asking = shard_credential_find(s, credential_hash);
    const uint32_t seen = shard_find(s, key);
    if (seen != 0) {
        const shard_entry *e = shard_entry_of(s, seen);
        if (!expired(s, e->time)) {
            return e->digest == digest ? REPLAY_IDENTICAL : REPLAY_DIFFERENT;
        }
        shard_drop(s, seen);
    }
    if (shard_needs_chunk(s, asking) && !make_room(s, asking)) {
        return REPLAY_FULL;
    }
    shard_add(s, key, credential_hash, (uint32_t)s->now_ms, digest);
    return REPLAY_NEW;
}

/* All hashing and fetching comes before the lock, so that it is held for what is in the cache
 * already. */
replay_verdict replay_remember(replay *r, cmp_str credential, const uint8_t fingerprint[16],
                               uint64_t digest, int64_t now_ms)
{
    const shard_key key = shard_key_of(fingerprint);
    shard *s = shard_of(r, &key);
    const uint64_t credential_hash = hash_str(credential);
    shard_prefetch(s, &key, credential_hash);
    pthread_mutex_lock(&s->lock);
    clock_set(s, now_ms);
    const replay_verdict verdict = remember(s, &key, credential_hash, digest);
    pthread_mutex_unlock(&s->lock);
    return verdict;
}

/* It may be gone: forgotten for want of room while its request was under way. */
void replay_release(replay *r, const uint8_t fingerprint[16])
{
    const shard_key key = shard_key_of(fingerprint);
    shard *s = shard_of(r, &key);
    pthread_mutex_lock(&s->lock);
    const uint32_t entry = shard_find(s, &key);
    if (entry != 0) {
        shard_drop(s, entry);
    }
    pthread_mutex_unlock(&s->lock);
}

static void stats_add(const shard *s, int64_t now_ms, replay_stats *stats)
{
    const int64_t now = now_ms + s->shift_ms > s->now_ms ? now_ms + s->shift_ms : s->now_ms;
    const int64_t window = s->window_ms;
    const int64_t reach = now - s->lost_ms < window ? now - s->lost_ms : window;
    stats->entries += s->count;
    stats->capacity += (uint64_t)s->chunk_count * CHUNK_ENTRIES;
    stats->forgotten += s->forgotten;
    stats->reach_ms = reach < stats->reach_ms ? reach : stats->reach_ms;
}

/* Shard by shard, never all locks at once: the sums are of no single moment, and nobody waits for
 * them. */
replay_stats replay_stats_get(replay *r, int64_t now_ms)
{
    replay_stats stats = {.size_bytes = r->size_bytes, .reach_ms = INT64_MAX};
    for (size_t i = 0; i < shard_total(r); i++) {
        pthread_mutex_lock(&r->shards[i].lock);
        stats_add(&r->shards[i], now_ms, &stats);
        pthread_mutex_unlock(&r->shards[i].lock);
    }
    return stats;
}
