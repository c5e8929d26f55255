/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's way to one origin: who gets which wire, when another is opened, who is refused. */
#include "outbound/wire.h"

#include "base/hash.h"
#include "base/log_limit.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define FULL_RETRY_S 1 /* the queue is ours, and short */

/* A server that comes and goes all the time. */
static log_limit troubles = {
    .level = CMP_LOG_WARNING,
    .area = "outbound",
    .what = "troubles",
    .name = "origin",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};
static log_limit recoveries = {
    .level = CMP_LOG_NOTICE,
    .area = "outbound",
    .what = "recoveries",
    .name = "origin",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

static lane **bucket_of(const outbound *o, const origin *to)
{
    return &o->buckets[hash_octets(&to, sizeof(to)) & o->bucket_mask];
}

static void lane_link(outbound *o, lane *l)
{
    lane **bucket = bucket_of(o, l->origin);
    l->next_in_bucket = *bucket;
    *bucket = l;
}

/* They never become fewer: a registry that has asked thousands of members will do so again. */
static void double_buckets(outbound *o)
{
    lane **older = o->buckets;
    const size_t count = o->bucket_mask + 1;
    o->bucket_mask = 2 * count - 1;
    o->buckets = kit_calloc(2 * count, sizeof(*o->buckets));
    for (size_t i = 0; i < count; i++) {
        for (lane *l = older[i], *next; l != NULL; l = next) {
            next = l->next_in_bucket;
            lane_link(o, l);
        }
    }
    free(older);
}

lane *lane_get(outbound *o, origin *to)
{
    for (lane *l = *bucket_of(o, to); l != NULL; l = l->next_in_bucket) {
        if (l->origin == to) {
            return l;
        }
    }
    lane *l = kit_calloc(1, sizeof(*l));
    l->owner = o;
    l->origin = origin_hold(to);
    TAILQ_INIT(&l->wires);
    TAILQ_INIT(&l->waiting);
    if (o->lane_count++ > o->bucket_mask) {
        double_buckets(o);
    }
    lane_link(o, l);
    return l;
}

void lane_wake(lane *l)
{
    if (!l->awake) {
        l->awake = true;
        TAILQ_INSERT_TAIL(&l->owner->awake, l, awake_entry);
        outbound_wake(l->owner);
    }
}

/* What the wires of a lane are doing. */
typedef struct tally {
    unsigned counted; /* against connections_max: all but those that drain */
    unsigned connecting;
    unsigned serving; /* have taken, or will take, calls */
    bool congested;   /* one has room for calls but is still writing */
} tally;

static tally lane_tally(const lane *l)
{
    tally t = {0};
    for (const wire *w = TAILQ_FIRST(&l->wires); w != NULL; w = TAILQ_NEXT(w, entry)) {
        if (w->draining) {
            continue;
        }
        t.counted++;
        if (w->state != WIRE_READY) {
            t.connecting++;
        } else {
            t.serving++;
            t.congested |= w->call_count < wire_capacity(w) && !wire_has_room(w);
        }
    }
    return t;
}

static bool is_choosy(const outbound_call *c)
{
    return c->avoid != 0 || c->newer_than != 0;
}

/* The first wire with room, so that spare ones fall idle. */
static wire *wire_with_room(const lane *l, uint64_t avoid, uint64_t newer_than)
{
    wire *w = TAILQ_FIRST(&l->wires);
    while (w != NULL && (!wire_has_room(w) || w->id == avoid || w->id <= newer_than)) {
        w = TAILQ_NEXT(w, entry);
    }
    return w;
}

static void serve_waiting(lane *l)
{
    const bool can_open = lane_tally(l).counted < l->origin->connections_max;
    for (outbound_call *c = TAILQ_FIRST(&l->waiting), *next; c != NULL; c = next) {
        next = TAILQ_NEXT(c, entry);
        wire *w = wire_with_room(l, c->avoid, c->newer_than);
        /* The wire that it wants will never be: any is better than none. */
        if (w == NULL && is_choosy(c) && !can_open) {
            w = wire_with_room(l, 0, 0);
        }
        if (w != NULL) {
            call_put_on(c, w);
        } else if (!is_choosy(c)) {
            break; /* there is room for nobody */
        }
    }
}

static void refuse_waiting(lane *l, unsigned keep, unsigned retry_after_s, const char *detail)
{
    while (l->waiting_count > keep) {
        /* The newest first: whoever has waited longest is the next to be served. */
        outbound_call *c = TAILQ_LAST(&l->waiting, call_list);
        c->retry_after_s = retry_after_s;
        call_finish(c, CMP_HTTPS_NOT_SENT, detail);
    }
}

/* One connection tells what the server speaks; with HTTP/1.1 each call needs its own. */
static void open_wires(lane *l)
{
    tally t = lane_tally(l);
    const outbound_call *first = TAILQ_FIRST(&l->waiting);
    /* It has room as soon as it has written; a handshake takes longer than that. */
    if (t.congested && !is_choosy(first)) {
        return;
    }
    const unsigned wanted = l->http1 ? l->waiting_count : 1;
    while (t.connecting < wanted && t.counted < l->origin->connections_max &&
           breaker_closed(&l->origin->breaker)) {
        if (!wire_open(l, false)) {
            return;
        }
        t = lane_tally(l);
    }
}

void lane_dispatch(lane *l)
{
    serve_waiting(l);
    if (l->waiting_count > 0) {
        open_wires(l);
    }
    const tally t = lane_tally(l);
    if (t.connecting == 0 && t.serving == 0 && !breaker_closed(&l->origin->breaker)) {
        refuse_waiting(l, 0, 0, "not used for now, after failures");
    }
    /* Last: only those for whom there was no wire have waited. */
    refuse_waiting(l, l->origin->waiting_max, FULL_RETRY_S,
                   "too many requests wait for a connection");
}

void lane_connect_failed(lane *l, const char *detail)
{
    const tally t = lane_tally(l);
    if (t.connecting == 0 && t.serving == 0) {
        refuse_waiting(l, 0, 0, detail);
    }
    lane_wake(l);
}

void lane_count_failure(lane *l, const char *detail)
{
    uint64_t delay_ms;
    if (breaker_failed(&l->origin->breaker, l->owner, &delay_ms)) {
        log_limited(&troubles, cmp_str_from(l->origin->name), NULL, NULL, 0,
                    "%s is not used for now: %s", l->origin->name, detail);
        probe_schedule(l, delay_ms);
    }
}

void lane_used_again(const lane *l)
{
    log_limited(&recoveries, cmp_str_from(l->origin->name), NULL, NULL, 0, "%s is used again",
                l->origin->name);
}

void lane_count_answer(lane *l)
{
    if (breaker_answered(&l->origin->breaker)) {
        lane_used_again(l);
    }
}

static void lane_free(lane *l)
{
    lane **at = bucket_of(l->owner, l->origin);
    while (*at != l) {
        at = &(*at)->next_in_bucket;
    }
    *at = l->next_in_bucket;
    l->owner->lane_count--;
    origin_drop(&l->origin);
    free(l);
}

/* Called by the step alone, where nobody above on the stack has a lane in hand. */
void lane_reap(lane *l)
{
    if (TAILQ_EMPTY(&l->wires) && l->call_count == 0 && l->resolving == NULL &&
        l->probe_timer == NULL && !l->awake) {
        lane_free(l);
    }
}

void lane_destroy(lane *l)
{
    if (l->probe_timer != NULL) {
        loop_timer_stop(l->probe_timer);
    }
    /* Another worker takes over the probing. */
    breaker_abandon(&l->origin->breaker, l->owner);
    resolve_abandon(l);
    /* Cancelled calls may still be on the wires; they end with them. */
    while (!TAILQ_EMPTY(&l->wires)) {
        wire_lost(TAILQ_FIRST(&l->wires), CMP_HTTPS_BROKEN, NULL, false);
    }
    if (l->awake) {
        TAILQ_REMOVE(&l->owner->awake, l, awake_entry);
    }
    lane_free(l);
}
