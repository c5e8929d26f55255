/* SPDX-License-Identifier: Apache-2.0 */
/* See pace.h. libh2o reads the next request of HTTP/1.1 when the last answer was written, which for
 * a short one is at once, and all of HTTP/2 that have come: so one client could have a turn for
 * itself. */
#include "http/pace.h"

#include "http/connection.h"

#define A_TURN        2 /* with 8, a hundred such clients made partners wait for 74 ms */
#define A_TURN_OCTETS ((size_t)64 * 1024) /* 0.2 ms of writing them */

/* A request that waits for its turn; in libh2o's memory, with a hook, as its client may go. */
struct paced {
    server_worker *sw;
    connection *connection;
    h2o_req_t *req;
    void (*run)(h2o_req_t *req);
    paced *next, **previous; /* previous: NULL when it has left the list */
};

static void leave(paced *p)
{
    if (p->previous == NULL) {
        return;
    }
    *p->previous = p->next;
    if (p->next != NULL) {
        p->next->previous = p->previous;
    } else {
        p->sw->pace.last = p->previous;
    }
    p->previous = NULL;
    p->connection->active--;
}

static void enter(paced *p)
{
    server_worker *sw = p->sw;
    if (sw->pace.last == NULL) {
        sw->pace.last = &sw->pace.first;
    }
    p->next = NULL;
    p->previous = sw->pace.last;
    *sw->pace.last = p;
    sw->pace.last = &p->next;
    p->connection->active++;
}

static void on_dispose(void *arg)
{
    leave(arg);
}

static void begin_turn(connection *c)
{
    if (c->turn != c->sw->pace.turn) {
        c->turn = c->sw->pace.turn;
        c->turn_requests = 0;
        c->turn_octets = 0;
    }
}

static void on_turn(void *arg)
{
    server_worker *sw = arg;
    sw->pace.timer = NULL;
    /* Those that come while these run wait for the next turn. */
    for (size_t left = sw->pace.count; left > 0 && sw->pace.first != NULL; left--) {
        paced *p = sw->pace.first;
        leave(p);
        begin_turn(p->connection);
        if (p->connection->turn_octets < A_TURN_OCTETS) {
            p->run(p->req);
        } else {
            enter(p);
        }
    }
    sw->pace.count = 0;
}

void pace_turn_end(server_worker *sw)
{
    sw->pace.turn++;
    if (sw->pace.first == NULL || sw->pace.timer != NULL) {
        return;
    }
    sw->pace.count = 0;
    for (const paced *p = sw->pace.first; p != NULL; p = p->next) {
        sw->pace.count++;
    }
    /* A timer of no length: sockets are looked at before it runs, so that others get in between. */
    sw->pace.timer = loop_timer_start(sw->worker->loop, 0, on_turn, sw);
}

bool pace_take(connection *c, h2o_req_t *req, void (*run)(h2o_req_t *req))
{
    begin_turn(c);
    c->turn_requests++;
    if ((c->metered != NULL || c->turn_requests <= A_TURN) && c->turn_octets < A_TURN_OCTETS) {
        return true;
    }
    paced *p = h2o_mem_alloc_shared(&req->pool, sizeof(*p), on_dispose);
    *p = (paced){.sw = c->sw, .connection = c, .req = req, .run = run};
    enter(p);
    return false;
}

void pace_spent(connection *c, size_t octets)
{
    begin_turn(c);
    c->turn_octets += octets;
}
