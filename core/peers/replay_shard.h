/* SPDX-License-Identifier: Apache-2.0 */
/* One shard of the replay memory: entries, the index that finds them, and the credentials that they
 * are counted for. It knows neither policy nor clock (replay_rules.c does).
 *
 * Entries stand in chunks; a chunk holds entries of one credential in the order of time, and is
 * given back as a whole. So what costs most, taking old entries out of the index, is done for a
 * whole chunk with all its cache misses at once, and most calls have none of it.
 *
 * The memory may be shared by processes, and a process may be killed at any point of a change: it
 * holds no pointer, entries are there from one store on, and shard_rebuild makes all the rest again
 * from them.
 *
 * The caller holds the lock. Entries, chunks and credentials are known by number; 0 is none.
 * Nothing is allocated but for a rebuild. */
#pragma once

#include <cmp/base.h>
#include <pthread.h>

#define SHARD_LINE 64 /* octets that processors share or steal as one */

/* What tells one request from another: 96 bits of the fingerprint, and their keyed hash, which says
 * where in the index they stand. */
typedef struct shard_key {
    uint32_t id[3];
    uint64_t hash;
} shard_key;

typedef struct shard_entry {
    uint32_t id[3];
    uint32_t time; /* replay_rules.c's */
    uint64_t digest;
} shard_entry;

/* Chunks of one credential form a queue from the oldest to the newest. */
#define CHUNK_ENTRIES 10
typedef struct shard_chunk {
    uint32_t older, newer; /* neighbours; in the list of free chunks: newer */
    uint32_t time;         /* of its newest entry */
    uint16_t live;         /* bit i: entries[i] is in the index */
    uint16_t owner;        /* the credential */
    shard_entry entries[CHUNK_ENTRIES];
} shard_chunk;

typedef struct shard_credential {
    uint64_t hash; /* keyed, of the apikeyid */
    uint32_t oldest, newest;
    uint32_t chunks; /* how many it holds; 0 only in a slot that is not taken */
    uint32_t used;   /* places given in the newest chunk */
} shard_credential;

/* One cache line of the index. A slot holds the entry's number and, above it, some bits of the hash
 * (the tag), so that a slot of another entry hardly ever costs a look at that entry. `passed`
 * counts the entries that belong here but found no slot and went on: 0 ends a search. */
#define BUCKET_SLOTS 15
typedef struct shard_bucket {
    uint32_t slots[BUCKET_SLOTS];
    uint32_t passed;
} shard_bucket;

/* What of a shard changes; with the tables, it lies in the memory that processes may share. */
typedef struct shard_state {
    /* One line that every call writes. */
    _Alignas(SHARD_LINE) pthread_mutex_t lock;
    int64_t now_ms;   /* replay_rules.c: this shard's clock */
    uint32_t count;   /* entries */
    uint32_t free;    /* the first free chunk that was in use before */
    uint32_t changes; /* not 0: somebody is at it, or died at it */

    /* One line for calls that need a chunk. */
    _Alignas(SHARD_LINE) int64_t lost_ms; /* replay_rules.c */
    uint64_t forgotten;                   /* replay_rules.c */
    uint32_t fresh;                       /* chunks from here on were never in use */
    uint32_t chunks_used;
    uint16_t cursor, largest; /* replay_rules.c: credentials */

    /* One line that calls only read. */
    _Alignas(SHARD_LINE) int64_t shift_ms; /* replay_rules.c */
    uint32_t window_ms;                    /* replay_rules.c: policy */
    uint32_t quota;                        /* replay_rules.c: policy, in chunks */
    bool refuse;                           /* replay_rules.c: policy */
} shard_state;

/* This process's view of a shard; only read once it was made. */
typedef struct shard {
    shard_state *state;
    shard_bucket *buckets;
    shard_chunk *chunks;
    shard_credential *credentials; /* a hash table; numbers run from 1 to credential_last */
    uint64_t seed;                 /* of its hashes: nobody outside knows it */
    uint32_t chunk_count;
    uint32_t bucket_count;
    uint32_t entry_mask; /* the part of a slot that is the entry's number */
    uint16_t credential_mask, credential_last;
    uint8_t tag_shift;
} shard;

/* The octets that the tables of a shard of so many chunks need; a multiple of SHARD_LINE. */
size_t shard_memory_size(uint32_t chunk_count);

/* The most chunks whose memory fits into `size`; at least 1. */
uint32_t shard_chunks_for(size_t size);

/* Makes a view of the shard at `state`, whose tables are at `memory`:
 * shard_memory_size(chunk_count) octets. Both are aligned to SHARD_LINE, stay the caller's, and are
 * not looked at yet. */
void shard_view(shard *s, shard_state *state, uint32_t chunk_count, void *memory, uint64_t seed);

/* Starts a shard in zeroed memory. */
void shard_init(shard *s);

/* Makes the lock anew: when nobody else has the memory, and it was somebody's before. */
void shard_lock_init(shard *s);

/* shard_lock says whether the shard is as it should be. False: who changed it has died, and
 * shard_rebuild is to be called before anything else. */
CMP_MUST_USE bool shard_lock(shard *s);
void shard_unlock(shard *s);

/* One entry, with what its chunk knows. */
typedef struct shard_saved {
    uint32_t id[3];
    uint32_t time;
    uint64_t digest;
    uint64_t credential_hash;
} shard_saved;

/* All entries no older than `window_ms` at the shard's now, from the oldest to the newest, whatever
 * else is in the memory. `at` has room for chunk_count * CHUNK_ENTRIES. Returns how many. */
size_t shard_collect(const shard *s, uint32_t window_ms, shard_saved *at);

/* Empties the shard, and adds those entries again. */
void shard_rebuild(shard *s, uint32_t window_ms);

/* `id`: the first 12 octets of a fingerprint, at any address. */
shard_key shard_key_of(const shard *s, const void *id);

/* Has the memory that a call will need fetched, all at once. Needs no lock. */
void shard_prefetch(const shard *s, const shard_key *key, uint64_t credential_hash);

/* The credential of that hash, or 0. Where too many credentials meet in the table, a new one shares
 * with another. Has the place of its next entry fetched. */
uint16_t shard_credential_find(const shard *s, uint64_t hash);

/* The entry of that key, or 0. */
uint32_t shard_find(const shard *s, const shard_key *key);
shard_entry *shard_entry_of(const shard *s, uint32_t entry);

/* Whether another entry of that credential (0: one that is not there yet) needs a chunk more. */
bool shard_needs_chunk(const shard *s, uint16_t credential);
bool shard_has_chunk(const shard *s);

/* Adds an entry as the newest of a credential, and the credential when it is new. The key must not
 * be there, and a free chunk must be when one is needed. */
void shard_add(shard *s, const shard_key *key, uint64_t credential_hash, uint32_t time,
               uint64_t digest);

/* Takes out one entry, or all of a chunk; and its credential when that was its last. */
void shard_drop(shard *s, uint32_t entry);
void shard_drop_chunk(shard *s, uint32_t chunk);
