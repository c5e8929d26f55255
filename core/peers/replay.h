/* SPDX-License-Identifier: Apache-2.0 */
/* The replay memory (SPEC 4): which signed requests were seen. One for all workers, sharded;
 * bounded by its size and by a quota for each key; outlives a reload, is shared with a process that
 * takes over, and in a file outlives both.
 *
 * All functions may be called on any thread. */
#pragma once

#include "peers/replay_policy.h"

typedef struct replay replay;

/* In memory: it goes with the last process that has it. */
replay *replay_create(const replay_options *options);

/* The memory of another process, by the descriptor that it has given (replay_fd), which is taken
 * over: both remember as one from now on. Its size stays, and it is joined as by
 * replay_join. NULL with the reason in `error`: it is no replay memory, or of another layout. */
CMP_MUST_USE replay *replay_adopt(const replay_options *options, int fd, char *error,
                                  size_t error_size);

/* For another process, or to tell two of them apart; stays the memory's. */
int replay_fd(const replay *r);

/* In a file, for its owner alone: what it holds is remembered, whoever wrote it and however that
 * ended, and processes that have it open at once remember as one. With another size it is copied,
 * unless somebody has it open: then its size stays, until a process begins alone. Asking costs no
 * call of the kernel; what the machine had not yet written when its power failed is lost, and
 * reach_ms says so.
 *
 * Who joins others is joined as by replay_join.
 *
 * NULL with the reason in `error`. */
CMP_MUST_USE replay *replay_open(const replay_options *options, const char *path, int64_t now_ms,
                                 char *error, size_t error_size);

/* Whether replay_open could use the file, as far as it can be known without a lock; makes and
 * changes nothing. */
CMP_MUST_USE bool replay_check(const char *path, char *error, size_t error_size);

/* A file stays, with all that it holds. */
void replay_destroy(replay **r);

/* Asks and remembers in one step. `credential` is the apikeyid (quota); `fingerprint` is uniformly
 * distributed (it comes from a MAC); `digest` of all parameters tells repeats from replays; 0 where
 * a repeat is a replay as well. Here and below, now_ms is clock_monotonic_ms: setting the system's
 * clock changes nothing. */
CMP_MUST_USE replay_verdict replay_remember(replay *r, cmp_str credential,
                                            const uint8_t fingerprint[16], uint64_t digest,
                                            int64_t now_ms);

/* Of hashes that a digest is made of: the same for all who share the memory, and as long as it
 * lasts. */
uint64_t replay_seed(const replay *r);

/* Forgets one entry: its request was not executed (429, 5xx), so it may come again. Stays when an
 * identical repeat was let through meanwhile: that one may have been executed. */
void replay_release(replay *r, const uint8_t fingerprint[16]);

/* Sets window and policy of a running memory (a reload); its size stays. */
void replay_configure(replay *r, const replay_options *options);

/* For one more that shares it: all remember for as long as whoever wants most, and the rest stays
 * as it is. */
void replay_join(replay *r, const replay_options *options);

typedef struct replay_stats {
    uint64_t entries;
    uint64_t capacity;
    uint64_t forgotten; /* entries dropped inside their window for want of room */
    size_t size_bytes;  /* all memory that can ever be in use */
    int64_t window_ms;  /* in force: the longest of those who share it */
    int64_t reach_ms;   /* how far back every key is really remembered: the window, or less */
} replay_stats;

replay_stats replay_stats_get(replay *r, int64_t now_ms);
