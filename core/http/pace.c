/* SPDX-License-Identifier: Apache-2.0 */
/* See pace.h. libh2o reads the next request of HTTP/1.1 when the last answer was written, which for
 * a short one is at once, all of HTTP/2 that have come, and 256 sockets in a turn: so strangers, or
 * one client, could have a turn for themselves that others wait for. */
#include "http/pace.h"

#include "http/connection.h"

#define A_TURN        2 /* with 8, a hundred such clients made partners wait for 74 ms */
#define A_TURN_OCTETS ((size_t)64 * 1024) /* 0.2 ms of writing them */

/* libh2o needs about 5 kB for each stream that waits. With more of them than this, a stranger's
 * next one is refused, which takes a fraction of the time that an answer does; to run it at once
 * would take it from those who wait, and seconds of it from all. */
#define WAITING_MAX 4096

/* A request that waits for its turn; in libh2o's memory, with a hook, as its client may go. */
struct paced {
    connection *connection;
    pace_lane *lane;
    h2o_req_t *req;
    void (*run)(h2o_req_t *req);
    paced *next, **previous; /* previous: NULL when it has left its lane */
};

/* ---- who waits ---- */

/* Who is known does not queue behind strangers at the same address. */
static pace_lane *lane_of(const connection *c)
{
    const uint64_t half = sources_hash(c->source) % (PACE_LANES / 2);
    return &c->sw->pace.lanes[2 * half + (c->partner ? 1 : 0)];
}

static void queue_lane(server_worker *sw, pace_lane *l)
{
    l->queued = true;
    l->next = NULL;
    if (sw->pace.queue_count++ == 0) {
        sw->pace.queue = l;
    } else {
        sw->pace.queue_end->next = l;
    }
    sw->pace.queue_end = l;
}

static pace_lane *take_lane(server_worker *sw)
{
    pace_lane *l = sw->pace.queue;
    sw->pace.queue = l->next;
    sw->pace.queue_count--;
    l->queued = false;
    return l;
}

static void leave(paced *p)
{
    if (p->previous == NULL) {
        return;
    }
    *p->previous = p->next;
    if (p->next != NULL) {
        p->next->previous = p->previous;
    } else {
        p->lane->last = p->previous;
    }
    p->previous = NULL;
    p->connection->sw->pace.waiting--;
    p->connection->waiting--;
    p->connection->active--;
}

static void on_dispose(void *arg)
{
    leave(arg);
}

static void enter(connection *c, h2o_req_t *req, void (*run)(h2o_req_t *req))
{
    pace_lane *l = lane_of(c);
    paced *p = h2o_mem_alloc_shared(&req->pool, sizeof(*p), on_dispose);
    if (l->first == NULL) {
        l->last = &l->first;
    }
    *p = (paced){.connection = c, .lane = l, .req = req, .run = run, .previous = l->last};
    *l->last = p;
    l->last = &p->next;
    if (!l->queued) {
        queue_lane(c->sw, l);
    }
    c->sw->pace.waiting++;
    c->waiting++;
    c->active++;
}

/* ---- turns ---- */

static void begin_turn(connection *c)
{
    if (c->turn != c->sw->pace.turn) {
        c->turn = c->sw->pace.turn;
        c->turn_requests = 0;
        c->turn_octets = 0;
    }
}

/* The first of the next source, which is the last one then. NULL: all have had enough. */
static paced *next_of_all(server_worker *sw)
{
    for (size_t left = sw->pace.queue_count; left > 0; left--) {
        pace_lane *l = take_lane(sw);
        if (l->first == NULL) {
            continue; /* served, or the clients went */
        }
        queue_lane(sw, l);
        begin_turn(l->first->connection);
        if (l->first->connection->turn_octets < A_TURN_OCTETS) {
            return l->first;
        }
    }
    return NULL;
}

static void on_turn(void *arg)
{
    server_worker *sw = arg;
    sw->pace.timer = NULL;
    paced *p;
    while (sw->pace.strangers < PACE_STRANGERS && (p = next_of_all(sw)) != NULL) {
        sw->pace.strangers++;
        leave(p);
        p->run(p->req);
    }
}

void pace_turn_end(server_worker *sw)
{
    sw->pace.turn++;
    sw->pace.strangers = 0;
    if (sw->pace.waiting > 0 && sw->pace.timer == NULL) {
        /* A timer of no length: sockets are looked at before it runs, so others get in between. */
        sw->pace.timer = loop_timer_start(sw->worker->loop, 0, on_turn, sw);
    }
}

/* ---- a request has come ---- */

/* Whether it is a stranger's turn, too: nobody is waiting, and the turn is not spent. */
static bool take_stranger(server_worker *sw)
{
    if (sw->pace.waiting > 0 || sw->pace.strangers == PACE_STRANGERS) {
        return false;
    }
    sw->pace.strangers++;
    return true;
}

pace_verdict pace_take(connection *c, h2o_req_t *req, void (*run)(h2o_req_t *req))
{
    begin_turn(c);
    c->turn_requests++;
    const bool is_h2 = c->metered != NULL;
    const bool may = (is_h2 || c->turn_requests <= A_TURN) && c->turn_octets < A_TURN_OCTETS &&
                     (c->partner || take_stranger(c->sw));
    if (may) {
        return PACE_NOW;
    }
    if (is_h2 && c->sw->pace.waiting >= WAITING_MAX) {
        return c->partner ? PACE_NOW : PACE_NEVER;
    }
    enter(c, req, run);
    return PACE_LATER;
}

void pace_spent(connection *c, size_t octets)
{
    begin_turn(c);
    c->turn_octets += octets;
}
