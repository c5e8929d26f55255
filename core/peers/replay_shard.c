/* SPDX-License-Identifier: Apache-2.0 */
/* The data structure behind replay.c: few cache lines are touched for each request, those asked for
 * together, and memory is touched for the first time only when entries come. */
#include "peers/replay_shard.h"

#include "base/hash.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ENTRIES_PER_BUCKET    10 /* on average, when full: 5 of 100 buckets overflow */
#define CHUNKS_PER_CREDENTIAL 2
#define CREDENTIAL_HOMES_MIN  ((uint32_t)8)
#define CREDENTIAL_HOMES_MAX  ((uint32_t)16384)
#define CREDENTIAL_REACH      8
#define PLACE_BITS            4 /* of an entry's number: its place in the chunk */
#define CHUNKS_MAX            (((uint32_t)1 << 22) - 1) /* a tag of at least 6 bits is left */
#define CHUNK_BITS_MIN        4

static uint32_t bucket_count(uint32_t chunk_count)
{
    return chunk_count * CHUNK_ENTRIES / ENTRIES_PER_BUCKET + 1;
}

/* A power of two. */
static uint32_t credential_homes(uint32_t chunk_count)
{
    uint32_t homes = CREDENTIAL_HOMES_MIN;
    while (homes < CREDENTIAL_HOMES_MAX && homes * 2 <= chunk_count / CHUNKS_PER_CREDENTIAL) {
        homes *= 2;
    }
    return homes;
}

static uint32_t credential_last(uint32_t chunk_count)
{
    return credential_homes(chunk_count) + CREDENTIAL_REACH - 1;
}

/* Chunk 0 and credential 0 are there and unused: their numbers stand for none. */
size_t shard_memory_size(uint32_t chunk_count)
{
    const size_t size = bucket_count(chunk_count) * sizeof(shard_bucket) +
                        ((size_t)chunk_count + 1) * sizeof(shard_chunk) +
                        (credential_last(chunk_count) + 1) * sizeof(shard_credential);
    return (size + SHARD_LINE - 1) / SHARD_LINE * SHARD_LINE;
}

uint32_t shard_chunks_for(size_t size)
{
    uint32_t low = 1, high = CHUNKS_MAX;
    while (low < high) {
        const uint32_t middle = high - (high - low) / 2;
        if (shard_memory_size(middle) <= size) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

void shard_view(shard *s, shard_state *state, uint32_t chunk_count, void *memory, uint64_t seed)
{
    *s = (shard){.state = state,
                 .buckets = memory,
                 .seed = seed,
                 .chunk_count = chunk_count,
                 .bucket_count = bucket_count(chunk_count),
                 .credential_mask = (uint16_t)(credential_homes(chunk_count) - 1),
                 .credential_last = (uint16_t)credential_last(chunk_count),
                 .tag_shift = PLACE_BITS + CHUNK_BITS_MIN};
    s->chunks = (shard_chunk *)(s->buckets + s->bucket_count);
    s->credentials = (shard_credential *)(s->chunks + chunk_count + 1);
    while (chunk_count >> (s->tag_shift - PLACE_BITS) != 0) {
        s->tag_shift++;
    }
    s->entry_mask = ((uint32_t)1 << s->tag_shift) - 1;
}

void shard_init(shard *s)
{
    shard_lock_init(s);
    s->state->fresh = 1;
}

/* ---- the lock ---- */

/* One for processes, and robust: the kernel tells the next one when its owner has died. It costs 5
 * ns more than one of a process's own. */
void shard_lock_init(shard *s)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    memset(&s->state->lock, 0, sizeof(s->state->lock));
    pthread_mutex_init(&s->state->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

/* The fences keep the compiler from moving stores over the mark. That is all it takes: what a
 * killed process has stored is in the memory, in the order of its stores. */
bool shard_lock(shard *s)
{
    if (pthread_mutex_lock(&s->state->lock) == EOWNERDEAD) {
        pthread_mutex_consistent(&s->state->lock);
    }
    const bool whole = s->state->changes == 0;
    s->state->changes = 1;
    atomic_signal_fence(memory_order_seq_cst);
    return whole;
}

void shard_unlock(shard *s)
{
    atomic_signal_fence(memory_order_seq_cst);
    s->state->changes = 0;
    pthread_mutex_unlock(&s->state->lock);
}

/* ---- index ---- */

/* The fingerprint comes from a MAC, but a peer that holds the key could search for ones that fall
 * into one bucket. Hence the keyed hash. */
static uint64_t id_hash(const shard *s, const uint32_t id[3])
{
    return hash_seeded(s->seed, id, 3 * sizeof(id[0]));
}

shard_key shard_key_of(const shard *s, const void *id)
{
    shard_key key;
    memcpy(key.id, id, sizeof(key.id));
    key.hash = id_hash(s, key.id);
    return key;
}

/* The low half of the hash chooses the bucket; replay.c takes the shard from the top bits, and the
 * tag comes from those between. A multiplication in place of a remainder: bucket counts are no
 * powers of two, so that all of the memory is used. */
static uint32_t home_of(const shard *s, uint64_t hash)
{
    return (uint32_t)(((hash & UINT32_MAX) * s->bucket_count) >> 32);
}

static uint32_t tag_of(const shard *s, uint64_t hash)
{
    return (uint32_t)(hash >> 32) << s->tag_shift;
}

static uint32_t bucket_next(const shard *s, uint32_t bucket)
{
    return bucket + 1 < s->bucket_count ? bucket + 1 : 0;
}

static uint32_t entry_number(uint32_t chunk, unsigned place)
{
    return chunk << PLACE_BITS | place;
}

static unsigned place_of(uint32_t entry)
{
    return entry & ((1u << PLACE_BITS) - 1);
}

shard_entry *shard_entry_of(const shard *s, uint32_t entry)
{
    return &s->chunks[entry >> PLACE_BITS].entries[place_of(entry)];
}

uint32_t shard_find(const shard *s, const shard_key *key)
{
    const uint32_t tag = tag_of(s, key->hash);
    uint32_t at = home_of(s, key->hash);
    for (uint32_t n = 0; n < s->bucket_count; n++) {
        const shard_bucket *bucket = &s->buckets[at];
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            const uint32_t slot = bucket->slots[i], entry = slot & s->entry_mask;
            if ((slot & ~s->entry_mask) == tag && entry != 0 &&
                memcmp(shard_entry_of(s, entry)->id, key->id, sizeof(key->id)) == 0) {
                return entry;
            }
        }
        if (bucket->passed == 0) {
            return 0;
        }
        at = bucket_next(s, at);
    }
    return 0;
}

static bool slot_replace(shard_bucket *bucket, uint32_t from, uint32_t to)
{
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        if (bucket->slots[i] == from) {
            bucket->slots[i] = to;
            return true;
        }
    }
    return false;
}

/* There are more slots than entries, so one is free. */
static void index_add(shard *s, uint64_t hash, uint32_t entry)
{
    uint32_t at = home_of(s, hash);
    while (!slot_replace(&s->buckets[at], 0, tag_of(s, hash) | entry)) {
        s->buckets[at].passed++;
        at = bucket_next(s, at);
    }
}

/* The same way that index_add went, so every bucket on it is told that one less has passed. */
static void index_remove(shard *s, uint64_t hash, uint32_t entry)
{
    uint32_t at = home_of(s, hash);
    while (!slot_replace(&s->buckets[at], tag_of(s, hash) | entry, 0)) {
        s->buckets[at].passed--;
        at = bucket_next(s, at);
    }
}

/* ---- credentials ---- */

static uint16_t credential_home(const shard *s, uint64_t hash)
{
    return (uint16_t)((hash & s->credential_mask) + 1);
}

/* A credential stands at its home or in one of the next slots. No search goes further, so a slot
 * that becomes free needs no mark. */
uint16_t shard_credential_find(const shard *s, uint64_t hash)
{
    const uint16_t home = credential_home(s, hash);
    uint16_t free = 0;
    for (unsigned n = 0; n < CREDENTIAL_REACH; n++) {
        const shard_credential *c = &s->credentials[home + n];
        if (c->chunks == 0) {
            free = (uint16_t)(home + n);
        } else if (c->hash == hash) {
            __builtin_prefetch(&s->chunks[c->newest], 1);
            __builtin_prefetch(&s->chunks[c->newest].entries[c->used], 1);
            return (uint16_t)(home + n);
        }
    }
    return free != 0 ? 0 : home;
}

/* There is a free slot: shard_credential_find has said so. */
static uint16_t credential_add(shard *s, uint64_t hash)
{
    uint16_t id = credential_home(s, hash);
    while (s->credentials[id].chunks != 0) {
        id++;
    }
    s->credentials[id] = (shard_credential){.hash = hash};
    return id;
}

void shard_prefetch(const shard *s, const shard_key *key, uint64_t credential_hash)
{
    __builtin_prefetch(&s->buckets[home_of(s, key->hash)], 1);
    __builtin_prefetch(s->state, 1);
    __builtin_prefetch(&s->credentials[credential_home(s, credential_hash)], 1);
}

/* ---- chunks ---- */

bool shard_needs_chunk(const shard *s, uint16_t credential)
{
    const shard_credential *c = &s->credentials[credential];
    return c->chunks == 0 || c->used == CHUNK_ENTRIES;
}

bool shard_has_chunk(const shard *s)
{
    return s->state->chunks_used < s->chunk_count;
}

/* Chunks that were given back first: fresh ones are pages that the kernel has yet to find. */
static void chunk_add(shard *s, uint16_t owner)
{
    uint32_t chunk = s->state->free;
    if (chunk != 0) {
        s->state->free = s->chunks[chunk].newer;
    } else {
        chunk = s->state->fresh++;
    }
    shard_credential *c = &s->credentials[owner];
    shard_chunk *k = &s->chunks[chunk];
    k->older = c->newest;
    k->newer = 0;
    k->live = 0;
    k->owner = owner;
    if (c->newest != 0) {
        s->chunks[c->newest].newer = chunk;
    } else {
        c->oldest = chunk;
    }
    c->newest = chunk;
    c->chunks++;
    c->used = 0;
    s->state->chunks_used++;
}

static void chunk_remove(shard *s, uint32_t chunk)
{
    shard_chunk *k = &s->chunks[chunk];
    shard_credential *c = &s->credentials[k->owner];
    if (k->older != 0) {
        s->chunks[k->older].newer = k->newer;
    } else {
        c->oldest = k->newer;
    }
    if (k->newer != 0) {
        s->chunks[k->newer].older = k->older;
    } else {
        c->newest = k->older;
        c->used = CHUNK_ENTRIES; /* what was given back in an older chunk is not given again */
    }
    c->chunks--;
    s->state->chunks_used--;
    k->live = 0;
    k->newer = s->state->free;
    s->state->free = chunk;
}

/* ---- entries ---- */

void shard_add(shard *s, const shard_key *key, uint64_t credential_hash, uint32_t time,
               uint64_t digest)
{
    uint16_t owner = shard_credential_find(s, credential_hash);
    if (owner == 0) {
        owner = credential_add(s, credential_hash);
    }
    if (shard_needs_chunk(s, owner)) {
        chunk_add(s, owner);
    }
    shard_credential *c = &s->credentials[owner];
    shard_chunk *k = &s->chunks[c->newest];
    const unsigned place = c->used++;
    k->time = time;
    k->entries[place] = (shard_entry){{key->id[0], key->id[1], key->id[2]}, time, digest};
    atomic_signal_fence(memory_order_release); /* with its bit it is there, and whole */
    k->live = (uint16_t)(k->live | 1u << place);
    s->state->count++;
    index_add(s, key->hash, entry_number(c->newest, place));
}

/* Its place stays empty until the whole chunk goes: places are given in the order of time, and
 * never again. */
void shard_drop(shard *s, uint32_t entry)
{
    const uint32_t chunk = entry >> PLACE_BITS;
    shard_chunk *k = &s->chunks[chunk];
    index_remove(s, id_hash(s, shard_entry_of(s, entry)->id), entry);
    k->live = (uint16_t)(k->live & ~(1u << place_of(entry)));
    s->state->count--;
    if (k->live == 0) {
        chunk_remove(s, chunk);
    }
}

/* All buckets are asked for before the first is needed. */
void shard_drop_chunk(shard *s, uint32_t chunk)
{
    shard_chunk *k = &s->chunks[chunk];
    uint64_t hashes[CHUNK_ENTRIES];
    for (unsigned i = 0; i < CHUNK_ENTRIES; i++) {
        hashes[i] = id_hash(s, k->entries[i].id);
        __builtin_prefetch(&s->buckets[home_of(s, hashes[i])], 1);
    }
    for (unsigned i = 0; i < CHUNK_ENTRIES; i++) {
        if ((k->live >> i & 1) != 0) {
            index_remove(s, hashes[i], entry_number(chunk, i));
            s->state->count--;
        }
    }
    chunk_remove(s, chunk);
}

/* ---- after a death ---- */

/* Both are no older than the window, so their difference is not cut. */
static int by_time(const void *a, const void *b)
{
    const uint32_t x = ((const shard_saved *)a)->time, y = ((const shard_saved *)b)->time;
    return x == y ? 0 : (int32_t)(x - y) < 0 ? -1 : 1;
}

/* Nothing that it reads is believed but for entries with their bits: any number may be one that was
 * being changed, or, after a power failure, of another time. */
size_t shard_collect(const shard *s, uint32_t window_ms, shard_saved *at)
{
    size_t count = 0;
    for (uint32_t chunk = 1; chunk < s->state->fresh && chunk <= s->chunk_count; chunk++) {
        const shard_chunk *k = &s->chunks[chunk];
        for (unsigned i = 0; i < CHUNK_ENTRIES && k->owner <= s->credential_last; i++) {
            const shard_entry *e = &k->entries[i];
            if ((k->live >> i & 1) != 0 && (uint32_t)s->state->now_ms - e->time <= window_ms) {
                at[count++] = (shard_saved){.id = {e->id[0], e->id[1], e->id[2]},
                                            .time = e->time,
                                            .digest = e->digest,
                                            .credential_hash = s->credentials[k->owner].hash};
            }
        }
    }
    if (count > 0) {
        qsort(at, count, sizeof(*at), by_time);
    }
    return count;
}

static void clear(shard *s)
{
    memset(s->buckets, 0, s->bucket_count * sizeof(*s->buckets));
    memset(s->credentials, 0, ((size_t)s->credential_last + 1) * sizeof(*s->credentials));
    s->state->count = 0;
    s->state->free = 0;
    s->state->fresh = 1;
    s->state->chunks_used = 0;
    s->state->cursor = 0;
    s->state->largest = 0;
}

/* There is room for all: entries of one credential need no more chunks than they had. Where it is
 * wanting all the same, what was read is no shard's memory, and the oldest are as good as others.
 */
void shard_rebuild(shard *s, uint32_t window_ms)
{
    shard_saved *saved = kit_calloc((size_t)s->chunk_count * CHUNK_ENTRIES, sizeof(*saved));
    const size_t count = shard_collect(s, window_ms, saved);
    clear(s);
    for (size_t i = 0; i < count; i++) {
        const shard_saved *one = &saved[i];
        const shard_key key = shard_key_of(s, one->id);
        const uint16_t owner = shard_credential_find(s, one->credential_hash);
        if (shard_find(s, &key) == 0 && (!shard_needs_chunk(s, owner) || shard_has_chunk(s))) {
            shard_add(s, &key, one->credential_hash, one->time, one->digest);
        }
    }
    free(saved);
}
