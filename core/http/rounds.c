/* SPDX-License-Identifier: Apache-2.0 */
/* See rounds.h. First come those of HTTP/2 that libh2o has, as only libh2o can tell their requests;
 * then all others, in the worker's own list, in which connection.c takes care of our place. */
#include "http/rounds.h"

#include "http/h2_list.h"

/* In one turn. A look takes some 100 ns, of memory that nobody else has asked for; an act, such as
 * GOAWAY or shutdown(2), and the end of the connection that comes of it, some 20 us. */
#define LOOKS_MAX 1024
#define ACTS_MAX  32

static void visit_listed(connection *c, void *arg)
{
    ((server_worker *)arg)->rounds.work->visit(c, true);
}

static bool has_time(const server_worker *sw, size_t looks)
{
    return looks < LOOKS_MAX && sw->rounds.acts < ACTS_MAX;
}

static void look_at_others(server_worker *sw, size_t looks)
{
    for (connection *c; has_time(sw, looks) && (c = sw->rounds.next) != NULL; looks++) {
        sw->rounds.next = c->next;
        if (c->round != sw->rounds.number) {
            c->round = sw->rounds.number;
            sw->rounds.work->visit_begin(c);
            sw->rounds.work->visit(c, false);
        }
    }
}

/* Whether there are more. */
static bool look_at_some(server_worker *sw)
{
    const rounds_work *work = sw->rounds.work;
    const h2_list_visit v = {work->visit_begin, work->request, visit_listed, sw};
    size_t looks = 0, seen = 1;
    sw->rounds.acts = 0;
    while (has_time(sw, looks) && (seen = h2_list_some(sw, ACTS_MAX, &v)) > 0) {
        looks += seen;
    }
    if (seen == 0) {
        look_at_others(sw, looks);
    }
    return seen > 0 || sw->rounds.next != NULL;
}

static void on_turn(void *arg);

static void go_on(server_worker *sw)
{
    uint64_t wait_ms = 0;
    if (!look_at_some(sw)) {
        sw->rounds.under_way = false;
        sw->rounds.work->end(sw);
        wait_ms = sw->rounds.work->pause_ms(sw);
    }
    sw->rounds.timer = loop_timer_start(sw->worker->loop, wait_ms, on_turn, sw);
}

static void begin(server_worker *sw)
{
    sw->rounds.under_way = true;
    sw->rounds.number++;
    sw->rounds.next = sw->connections;
    sw->rounds.work->begin(sw);
}

static void on_turn(void *arg)
{
    server_worker *sw = arg;
    if (!sw->rounds.under_way) {
        begin(sw);
    }
    go_on(sw);
}

void rounds_begin(server_worker *sw)
{
    rounds_stop(sw);
    begin(sw);
    go_on(sw);
}

void rounds_start(server_worker *sw, const rounds_work *work)
{
    sw->rounds.work = work;
    sw->rounds.timer = loop_timer_start(sw->worker->loop, work->pause_ms(sw), on_turn, sw);
}

void rounds_stop(server_worker *sw)
{
    if (sw->rounds.timer != NULL) {
        loop_timer_stop(sw->rounds.timer);
        sw->rounds.timer = NULL;
    }
}
