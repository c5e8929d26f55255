/* SPDX-License-Identifier: Apache-2.0 */
/* The rules by which one shard of the replay memory remembers (SPEC 4): its clock, its window, and
 * who has to give way when there is no room. The caller holds the shard's lock. */
#pragma once

#include "peers/replay_policy.h"
#include "peers/replay_shard.h"

/* The window of those options, as a shard has it. */
uint32_t rules_window_ms(const replay_options *options);

/* Has the shard go by those options from now on. */
void rules_configure(shard *s, const replay_options *options);

/* For one more that shares it: it remembers for as long as whoever wants most, and the rest stays.
 */
void rules_join(shard *s, const replay_options *options);

/* Takes the lock of a shard that was configured. */
void rules_lock(shard *s);

/* Sets the shard's clock, by clock_monotonic_ms: the system's clock may be set ahead and back
 * again, and nothing may leave the window by that. */
void rules_clock_set(shard *s, int64_t now_ms);

/* How old an entry of that time is. */
uint32_t rules_age_ms(const shard *s, uint32_t time);

/* Remembers it at the shard's now, for the credential of that keyed hash, when it is new and there
 * is room. `digest`: see replay_remember. */
CMP_MUST_USE replay_verdict rules_remember(shard *s, const shard_key *key, uint64_t credential_hash,
                                           uint64_t digest);

/* Forgets it, unless a repeat was taken for good meanwhile. */
void rules_release(shard *s, const shard_key *key);
