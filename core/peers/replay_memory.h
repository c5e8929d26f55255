/* SPDX-License-Identifier: Apache-2.0 */
/* How a replay memory lies in its octets: a head, what each shard changes, and the shards' tables.
 * The octets are shared by processes: by a file's name, or by a descriptor that one gives another.
 */
#pragma once

#include "peers/replay_file.h"
#include "peers/replay_shard.h"

#define REPLAY_SHARD_BITS_MAX 6 /* two workers seldom want one lock of 64 at one time */

/* Its first octets: they say whether the rest can be understood. */
typedef struct replay_head {
    char magic[8];
    uint32_t layout;     /* of this and of all that follows */
    uint32_t shard_bits; /* 2^shard_bits shards */
    uint64_t size;       /* all octets */
    uint64_t seed;       /* of the shards' hashes */
    int64_t boot_ms;     /* when the machine was started that wrote it last; Unix time */
} replay_head;

typedef struct replay_memory {
    replay_head *head;
    replay_file file;
    unsigned shard_count;
    shard shards[1 << REPLAY_SHARD_BITS_MAX];
} replay_memory;

/* The octets that `wanted` buys. */
size_t replay_memory_size(size_t wanted);

/* Memory without a file, `size` octets, started and empty; who is given its descriptor shares it.
 * Ends the process when there is none. */
void replay_memory_make(replay_memory *m, size_t size, uint64_t seed);

/* The same in a file that is alone, whose descriptor it takes over. */
CMP_MUST_USE bool replay_memory_make_in(replay_memory *m, replay_file *f, size_t size,
                                        uint64_t seed, char *error, size_t error_size);

typedef enum replay_memory_kind {
    REPLAY_MEMORY_NONE,    /* it is empty, or was never finished */
    REPLAY_MEMORY_FOUND,   /* of this layout; *head says which size */
    REPLAY_MEMORY_OTHER,   /* of another layout: of a cmpd that is older or newer */
    REPLAY_MEMORY_FOREIGN, /* something else, that somebody may want to keep */
} replay_memory_kind;

/* What is in the file, or behind the descriptor of such memory. */
CMP_MUST_USE replay_memory_kind replay_memory_look(const replay_file *f, replay_head *head);

/* Makes views of what was found, and takes over the descriptor. Shards are as they were left:
 * alone, their locks are still to be made anew. */
CMP_MUST_USE bool replay_memory_attach(replay_memory *m, replay_file *f, const replay_head *head,
                                       char *error, size_t error_size);

/* Whether the machine was started again since the memory was marked, so that some of its octets may
 * be missing; a clock that was set looks the same. */
bool replay_memory_restarted(const replay_memory *m);
void replay_memory_mark(replay_memory *m);

/* Gives the octets back; a file keeps them, and so does memory that another process has, too. One
 * that was never made may be disposed of, when its file's descriptor is -1. */
void replay_memory_dispose(replay_memory *m);
