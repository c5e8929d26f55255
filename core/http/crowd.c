/* SPDX-License-Identifier: Apache-2.0 */
/* See crowd.h. Whoever has most gives way: so one address, or a few, with as many connections as
 * there may be do not keep out all the others, and an address with thousands of handsets behind it
 * needs no limit of its own. */
#include "http/crowd.h"

#define LOOK_AT_MAX 64 /* of a bucket: the oldest are the most likely to be idle */

/* For a handshake and a request; who waits for a turn has one. Among its own a source has longer:
 * new ones come at its rate only, so that it takes them seconds to drive out all that it may have.
 */
#define GRACE_MS        1000
#define GRACE_AMONG_OWN 250

static size_t bucket_of(const uint8_t source[16])
{
    return sources_hash(source) % CROWD_BUCKETS;
}

void crowd_add(crowd *all, connection *c)
{
    const size_t b = bucket_of(c->source);
    c->older = all->at[b].newest;
    c->newer = NULL;
    if (c->older != NULL) {
        c->older->newer = c;
    } else {
        all->at[b].oldest = c;
    }
    all->at[b].newest = c;
    all->at[b].count++;
    c->in_crowd = true;
}

void crowd_remove(crowd *all, connection *c)
{
    if (!c->in_crowd) {
        return;
    }
    const size_t b = bucket_of(c->source);
    *(c->older != NULL ? &c->older->newer : &all->at[b].oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &all->at[b].newest) = c->older;
    all->at[b].count--;
    c->in_crowd = false;
}

void crowd_touch(crowd *all, connection *c)
{
    if (c->newer != NULL) {
        crowd_remove(all, c);
        crowd_add(all, c);
    }
}

static bool may_give_way(const connection *c, uint64_t now_ms, uint64_t grace_ms)
{
    /* Time that went back is no reason to stay. */
    const bool had_time = c->requests > 0 || now_ms < c->last_ms || now_ms - c->last_ms >= grace_ms;
    return had_time && c->stage != GATE_TURN && c->active == 0 && !h2o_socket_is_writing(c->socket);
}

/* Several sources may share a bucket, and who has but a few there is not to pay for its neighbour:
 * the source that more than half of the oldest are of, when there is one (Boyer and Moore's vote);
 * else any of them. */
static const uint8_t *most_frequent(connection *oldest)
{
    const uint8_t *found = NULL;
    int votes = 0, looked_at = 0;
    for (const connection *c = oldest; c != NULL && looked_at < LOOK_AT_MAX; c = c->newer) {
        looked_at++;
        if (votes == 0) {
            found = c->source;
        }
        votes += sources_same(c->source, found) ? 1 : -1;
    }
    return found;
}

/* The oldest that may go, of `source`, or of any (NULL). */
static connection *oldest_of(connection *oldest, const uint8_t *source, uint64_t now_ms,
                             uint64_t grace_ms)
{
    connection *c = oldest;
    for (int i = 0; i < LOOK_AT_MAX && c != NULL; i++, c = c->newer) {
        if (may_give_way(c, now_ms, grace_ms) &&
            (source == NULL || sources_same(c->source, source))) {
            return c;
        }
    }
    return NULL;
}

connection *crowd_weakest(const crowd *all, const uint8_t *source, uint64_t now_ms)
{
    if (source != NULL) {
        return oldest_of(all->at[bucket_of(source)].oldest, source, now_ms, GRACE_AMONG_OWN);
    }
    size_t b = 0;
    for (size_t i = 1; i < CROWD_BUCKETS; i++) {
        b = all->at[i].count > all->at[b].count ? i : b;
    }
    connection *oldest = all->at[b].oldest;
    connection *c = oldest_of(oldest, most_frequent(oldest), now_ms, GRACE_MS);
    return c != NULL ? c : oldest_of(oldest, NULL, now_ms, GRACE_MS);
}
