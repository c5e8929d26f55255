/* SPDX-License-Identifier: Apache-2.0 */
/* What registries have told about where ICIs are held: the forwarder asks here before it asks a
 * registry again. A shard's entries lie in a hash table, and in a heap by the time when they end.
 */
#include "peers/referrals.h"

#include "base/hash.h"
#include "base/refusals.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Epochs: 16 KiB. Two hosts that share one cost a question to the registry, not an error. */
#define SHARDS_MAX      16
#define SHARD_SIZE_MIN  64 /* entries; with fewer the shards would fill too unevenly */
#define PREFIX_SIZE_MAX 64
#define ICI_SIZE_MAX    256
#define NAME_SIZE_MAX   256
#define EPOCHS          4096

/* What an entry is found by. A prefix is in lower case, an ICI as it is: only routing by prefix
 * knows no case. */
typedef struct key {
    cmp_str registry, text;
    bool prefix;
    uint64_t hash;
} key;

typedef struct entry entry;
struct entry {
    entry *next; /* in its bucket */
    uint64_t hash;
    int64_t end_ms;
    size_t place; /* in the heap */
    uint32_t epoch;
    bool prefix;
    uint16_t registry_size, text_size, host_size;
    char octets[]; /* registry, text, host */
};

typedef struct shard {
    _Alignas(64) pthread_mutex_t lock;
    entry **buckets;
    size_t mask;  /* of the buckets; a power of two, less one */
    entry **heap; /* the one that ends first is the first */
    size_t count, max;
} shard;

struct referrals {
    /* How many prefixes of each length there are: find looks for no others. */
    _Atomic size_t lengths[PREFIX_SIZE_MAX + 1];
    /* To forget a host of a registry is to move its epoch on: entries of an older one are void.
     * Pairs that share an epoch by chance are forgotten too, and asked for again. */
    _Atomic uint32_t epochs[EPOCHS];
    size_t shard_mask;
    shard shards[];
};

/* ---- entries ---- */

static cmp_str entry_registry(const entry *e)
{
    return (cmp_str){e->octets, e->registry_size};
}

static cmp_str entry_text(const entry *e)
{
    return (cmp_str){e->octets + e->registry_size, e->text_size};
}

static cmp_str entry_host(const entry *e)
{
    return (cmp_str){e->octets + e->registry_size + e->text_size, e->host_size};
}

static void fold(cmp_str text, char *to)
{
    for (size_t i = 0; i < text.size; i++) {
        to[i] = kit_ascii_lower(text.at[i]);
    }
}

/* The registry is a part of the hash, so what one says is never found for another: a registry
 * speaks for itself alone. */
static key key_make(cmp_str registry, uint64_t registry_hash, bool prefix, cmp_str text)
{
    const uint64_t seed = registry_hash ^ (prefix ? 1 : 0);
    return (key){registry, text, prefix, XXH3_64bits_withSeed(text.at, text.size, seed)};
}

static bool entry_is(const entry *e, const key *k)
{
    return e->hash == k->hash && e->prefix == k->prefix && cmp_str_equal(entry_text(e), k->text) &&
           cmp_str_equal(entry_registry(e), k->registry);
}

static _Atomic uint32_t *epoch_of(referrals *r, cmp_str registry, cmp_str host)
{
    char lower[REFERRAL_HOST_MAX];
    fold(host, lower);
    const uint64_t hash = XXH3_64bits_withSeed(lower, host.size, hash_str(registry));
    return &r->epochs[hash % EPOCHS];
}

static entry *entry_make(const key *k, cmp_str host)
{
    entry *e = kit_alloc(sizeof(*e) + k->registry.size + k->text.size + host.size);
    *e = (entry){.hash = k->hash,
                 .prefix = k->prefix,
                 .registry_size = (uint16_t)k->registry.size,
                 .text_size = (uint16_t)k->text.size,
                 .host_size = (uint16_t)host.size};
    memcpy(e->octets, k->registry.at, k->registry.size);
    memcpy(e->octets + k->registry.size, k->text.at, k->text.size);
    memcpy(e->octets + k->registry.size + k->text.size, host.at, host.size);
    return e;
}

/* ---- the heap ---- */

static void heap_set(shard *s, size_t place, entry *e)
{
    s->heap[place] = e;
    e->place = place;
}

/* Puts an entry at a free place, or further up or down where it belongs. */
static void heap_settle(shard *s, size_t place, entry *e)
{
    while (place > 0 && e->end_ms < s->heap[(place - 1) / 2]->end_ms) {
        heap_set(s, place, s->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (size_t child; (child = 2 * place + 1) < s->count; place = child) {
        if (child + 1 < s->count && s->heap[child + 1]->end_ms < s->heap[child]->end_ms) {
            child++;
        }
        if (s->heap[child]->end_ms >= e->end_ms) {
            break;
        }
        heap_set(s, place, s->heap[child]);
    }
    heap_set(s, place, e);
}

/* ---- one shard, locked ---- */

static entry **bucket_of(const shard *s, uint64_t hash)
{
    return &s->buckets[hash & s->mask];
}

static entry *shard_find(const shard *s, const key *k)
{
    entry *e = *bucket_of(s, k->hash);
    while (e != NULL && !entry_is(e, k)) {
        e = e->next;
    }
    return e;
}

static void count_length(referrals *r, const entry *e, size_t add)
{
    if (e->prefix) {
        atomic_fetch_add_explicit(&r->lengths[e->text_size], add, memory_order_relaxed);
    }
}

static void shard_drop(referrals *r, shard *s, entry *e)
{
    entry **at = bucket_of(s, e->hash);
    while (*at != e) {
        at = &(*at)->next;
    }
    *at = e->next;
    entry *last = s->heap[--s->count];
    if (last != e) {
        heap_settle(s, e->place, last);
    }
    count_length(r, e, SIZE_MAX);
    free(e);
}

/* Full: what ends first goes, since it is worth least. */
static void shard_add(referrals *r, shard *s, entry *e)
{
    if (s->count == s->max) {
        refusal_count(REFUSAL_REFERRALS);
        shard_drop(r, s, s->heap[0]);
    }
    entry **bucket = bucket_of(s, e->hash);
    e->next = *bucket;
    *bucket = e;
    s->count++;
    heap_settle(s, s->count - 1, e);
    count_length(r, e, 1);
}

/* A clock that steps back must not lengthen what is believed: nothing ends later than the cap. */
static bool holds(referrals *r, const entry *e, int64_t now_ms)
{
    return now_ms < e->end_ms && e->end_ms - now_ms <= (int64_t)REFERRAL_TTL_MAX_S * 1000 &&
           e->epoch == atomic_load_explicit(epoch_of(r, entry_registry(e), entry_host(e)),
                                            memory_order_acquire);
}

/* ---- all of them ---- */

/* The upper half of the hash: the lower chooses the bucket, and bits used twice would leave buckets
 * empty. */
static shard *shard_of(referrals *r, const key *k)
{
    return &r->shards[(k->hash >> 32) & r->shard_mask];
}

static void shard_init(shard *s, size_t max)
{
    size_t buckets = 8;
    while (buckets < max) {
        buckets *= 2;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->buckets = kit_calloc(buckets, sizeof(entry *));
    s->mask = buckets - 1;
    s->heap = kit_calloc(max, sizeof(entry *));
    s->max = max;
}

referrals *referrals_create(size_t entries_max)
{
    size_t shards = 1;
    while (shards < SHARDS_MAX && entries_max / (2 * shards) >= SHARD_SIZE_MIN) {
        shards *= 2;
    }
    const size_t size = sizeof(referrals) + shards * sizeof(shard);
    referrals *r = aligned_alloc(_Alignof(shard), size);
    if (r == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    memset(r, 0, size);
    r->shard_mask = shards - 1;
    for (size_t i = 0; i < shards; i++) {
        shard_init(&r->shards[i], entries_max / shards);
    }
    return r;
}

void referrals_destroy(referrals **r)
{
    if (*r == NULL) {
        return;
    }
    for (size_t i = 0; i <= (*r)->shard_mask; i++) {
        shard *s = &(*r)->shards[i];
        for (size_t n = 0; n < s->count; n++) {
            free(s->heap[n]);
        }
        free(s->heap);
        free(s->buckets);
        pthread_mutex_destroy(&s->lock);
    }
    free(*r);
    *r = NULL;
}

void referrals_remember(referrals *r, cmp_str registry, cmp_str prefix, cmp_str ici, cmp_str host,
                        uint32_t ttl_s, int64_t now_ms)
{
    const bool by_prefix = prefix.at != NULL;
    if (registry.size > NAME_SIZE_MAX || host.size > REFERRAL_HOST_MAX ||
        (by_prefix ? prefix.size > PREFIX_SIZE_MAX : ici.size > ICI_SIZE_MAX)) {
        return;
    }
    char lower[PREFIX_SIZE_MAX];
    cmp_str text = ici;
    if (by_prefix) {
        fold(prefix, lower);
        text = (cmp_str){lower, prefix.size};
    }
    const key k = key_make(registry, hash_str(registry), by_prefix, text);
    const uint32_t ttl = ttl_s < REFERRAL_TTL_MAX_S ? ttl_s : REFERRAL_TTL_MAX_S;
    /* Made, and its epoch read, before the lock is taken. When the host is forgotten meanwhile, the
     * entry is void at once: the safe side. */
    entry *e = NULL;
    shard *s = shard_of(r, &k);
    if (ttl > 0 && s->max > 0) {
        e = entry_make(&k, host);
        e->end_ms = now_ms + (int64_t)ttl * 1000;
        e->epoch = atomic_load_explicit(epoch_of(r, registry, host), memory_order_acquire);
    }
    pthread_mutex_lock(&s->lock);
    /* Dropped for a ttl of 0 as well: the registry has taken back what it said. */
    entry *older = shard_find(s, &k);
    if (older != NULL) {
        shard_drop(r, s, older);
    }
    if (e != NULL) {
        shard_add(r, s, e);
    }
    pthread_mutex_unlock(&s->lock);
}

static bool find(referrals *r, const key *k, int64_t now_ms, char host[REFERRAL_HOST_MAX + 1])
{
    shard *s = shard_of(r, k);
    pthread_mutex_lock(&s->lock);
    entry *e = shard_find(s, k);
    const bool found = e != NULL && holds(r, e, now_ms);
    if (found) {
        memcpy(host, entry_host(e).at, e->host_size);
        host[e->host_size] = '\0';
    } else if (e != NULL) {
        shard_drop(r, s, e);
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

/* A referral for the ICI alone says more than any prefix. Then the longest prefix first (SPEC 1);
 * without the counts of lengths that would be 64 look-ups, with 64 locks, for each request that
 * nobody has heard of. */
bool referrals_find(referrals *r, cmp_str registry, cmp_str ici, int64_t now_ms,
                    char host[REFERRAL_HOST_MAX + 1])
{
    const uint64_t registry_hash = hash_str(registry);
    const key alone = key_make(registry, registry_hash, false, ici);
    if (find(r, &alone, now_ms, host)) {
        return true;
    }
    char lower[PREFIX_SIZE_MAX];
    size_t size = ici.size < PREFIX_SIZE_MAX ? ici.size : PREFIX_SIZE_MAX;
    fold((cmp_str){ici.at, size}, lower);
    for (; size > 0; size--) {
        if (atomic_load_explicit(&r->lengths[size], memory_order_relaxed) == 0) {
            continue;
        }
        const key k = key_make(registry, registry_hash, true, (cmp_str){lower, size});
        if (find(r, &k, now_ms, host)) {
            return true;
        }
    }
    return false;
}

void referrals_forget(referrals *r, cmp_str registry, cmp_str host)
{
    if (host.size <= REFERRAL_HOST_MAX) {
        atomic_fetch_add_explicit(epoch_of(r, registry, host), 1, memory_order_acq_rel);
    }
}

size_t referrals_count(referrals *r)
{
    size_t count = 0;
    for (size_t i = 0; i <= r->shard_mask; i++) {
        shard *s = &r->shards[i];
        pthread_mutex_lock(&s->lock);
        count += s->count;
        pthread_mutex_unlock(&s->lock);
    }
    return count;
}
