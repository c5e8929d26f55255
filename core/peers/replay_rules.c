/* SPDX-License-Identifier: Apache-2.0 */
/* See replay_rules.h. */
#include "peers/replay_rules.h"

/* Times are kept modulo 2^32 ms, so the window must be well below that. */
#define WINDOW_MAX_MS ((int64_t)INT32_MAX)

/* A quota is at least one chunk to fill, and an older one to give up: with a single chunk a key
 * would forget what it asked a moment ago. */
#define RECLAIM_MAX 2  /* chunks of one credential that are given back in one call */
#define SWEEP_SLOTS 16 /* credentials that are looked after in one call that needs a chunk */
#define QUOTA_MIN   2  /* chunks */

/* ---- settings ---- */

uint32_t rules_window_ms(const replay_options *options)
{
    return options->window_ms < 0               ? 0
           : options->window_ms > WINDOW_MAX_MS ? (uint32_t)WINDOW_MAX_MS
                                                : (uint32_t)options->window_ms;
}

static void set_window(shard *s, uint32_t window)
{
    /* What had left a shorter window is gone. */
    if (window > s->state->window_ms &&
        s->state->now_ms - s->state->window_ms > s->state->lost_ms) {
        s->state->lost_ms = s->state->now_ms - s->state->window_ms;
    }
    s->state->window_ms = window;
}

void rules_configure(shard *s, const replay_options *options)
{
    set_window(s, rules_window_ms(options));
    const unsigned percent = options->quota_percent < 100 ? options->quota_percent : 100;
    const uint32_t quota = (uint32_t)((uint64_t)s->chunk_count * percent / 100);
    s->state->quota = quota > QUOTA_MIN ? quota : QUOTA_MIN;
    s->state->refuse = options->when_full == REPLAY_REFUSE;
}

void rules_join(shard *s, const replay_options *options)
{
    const uint32_t window = rules_window_ms(options);
    if (window > s->state->window_ms) {
        set_window(s, window);
    }
}

/* Whoever died in it left it to us; all that was remembered is still there. */
void rules_lock(shard *s)
{
    if (!shard_lock(s)) {
        shard_rebuild(s, s->state->window_ms);
    }
}

/* ---- time ---- */

/* A shard's clock never steps back, so each credential's queue is in the order of time. Threads
 * have read the time at different moments: who is behind finds it standing. */
void rules_clock_set(shard *s, int64_t now_ms)
{
    const int64_t now = now_ms + s->state->shift_ms;
    if (now > s->state->now_ms) {
        s->state->now_ms = now;
    }
}

uint32_t rules_age_ms(const shard *s, uint32_t time)
{
    return (uint32_t)s->state->now_ms - time;
}

static bool expired(const shard *s, uint32_t time)
{
    return rules_age_ms(s, time) > s->state->window_ms;
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
    for (int n = 0;
         n < SWEEP_SLOTS || (all[s->state->largest].chunks == 0 && s->state->chunks_used != 0);
         n++) {
        s->state->cursor =
            s->state->cursor < s->credential_last ? (uint16_t)(s->state->cursor + 1) : 1;
        reclaim(s, s->state->cursor);
        if (all[s->state->cursor].chunks > all[s->state->largest].chunks) {
            s->state->largest = s->state->cursor;
        }
    }
}

/* Drops the oldest chunk of a credential, though it is not wholly expired. */
static void forget(shard *s, uint16_t credential)
{
    const uint32_t chunk = s->credentials[credential].oldest;
    const shard_chunk *k = &s->chunks[chunk];
    for (unsigned i = 0; i < CHUNK_ENTRIES; i++) {
        s->state->forgotten += (k->live >> i & 1) != 0 && !expired(s, k->entries[i].time);
    }
    const int64_t time = s->state->now_ms - rules_age_ms(s, k->time);
    s->state->lost_ms = time > s->state->lost_ms ? time : s->state->lost_ms;
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
    for (int n = 0; n < RECLAIM_MAX && c->chunks >= s->state->quota; n++) {
        if (s->state->refuse) {
            return false;
        }
        forget(s, asking);
    }
    if (shard_has_chunk(s)) {
        return true;
    }
    if (s->state->refuse) {
        return false;
    }
    forget(s, c->chunks >= s->credentials[s->state->largest].chunks ? asking : s->state->largest);
    return true;
}

/* ---- asking ---- */

/* One bit of the digest says that a repeat was taken for good (digest 0: no repeat ever is). Then
 * the pair is used up, whatever becomes of the one that came first. */
#define REPEATED (UINT64_C(1) << 63)

static replay_verdict compare(shard_entry *e, uint64_t digest)
{
    if ((e->digest & ~REPEATED) != (digest & ~REPEATED)) {
        return REPLAY_DIFFERENT;
    }
    if (digest != 0) {
        e->digest |= REPEATED;
    }
    return REPLAY_IDENTICAL;
}

replay_verdict rules_remember(shard *s, const shard_key *key, uint64_t credential_hash,
                              uint64_t digest)
{
    const uint16_t asking = shard_credential_find(s, credential_hash);
    const uint32_t seen = shard_find(s, key);
    if (seen != 0) {
        shard_entry *e = shard_entry_of(s, seen);
        if (!expired(s, e->time)) {
            return compare(e, digest);
        }
        shard_drop(s, seen);
    }
    if (shard_needs_chunk(s, asking) && !make_room(s, asking)) {
        return REPLAY_FULL;
    }
    shard_add(s, key, credential_hash, (uint32_t)s->state->now_ms, digest & ~REPEATED);
    return REPLAY_NEW;
}

void rules_release(shard *s, const shard_key *key)
{
    const uint32_t entry = shard_find(s, key);
    if (entry != 0 && (shard_entry_of(s, entry)->digest & REPEATED) == 0) {
        shard_drop(s, entry);
    }
}
