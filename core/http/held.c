/* SPDX-License-Identifier: Apache-2.0 */
/* See held.h. Sums grow with what comes and is answered, and only a look tells what has gone since:
 * so a sum that is small enough needs none. */
#include "http/held.h"

#include <stdatomic.h>

static _Atomic int64_t of_all;

/* A look takes as long as there are connections. Who keeps just as much as may be must not have us
 * look at every octet that comes: so many have to come first, as a part of a connection's bound. */
#define LOOK_AFTER 16

#define ENDS_MAX   16 /* at a time: for each of them all connections are looked at */

/* The most that libh2o can be keeping of what has come: no more than came, and no more than the
 * requests that are not whole, or wait for their turn, may have. */
static void settle_received(connection *c)
{
    if (c->metered == NULL) { /* libh2o reads a request of HTTP/1 where it came */
        c->received = c->socket->input->size;
        return;
    }
    const size_t most = (c->unfinished + c->waiting) * c->sw->limits.request_max;
    c->received = c->received < most ? c->received : most;
}

static size_t held(const connection *c)
{
    return c->received + c->untaken;
}

/* Two sources may have one number: then whoever keeps most of both is ended, which is hardly ever
 * the wrong one. */
void held_source_known(connection *c)
{
    c->source_held = &c->sw->held.sources[sources_hash(c->source) % HELD_SOURCES];
}

static void count(connection *c, size_t octets)
{
    c->sw->held.all += octets - c->summed;
    if (c->source_held != NULL) {
        *c->source_held += octets - c->summed;
    }
    c->summed = octets;
}

static bool is_too_much(const connection *c)
{
    const server_limits *l = &c->sw->limits;
    return held(c) > l->held_connection_max || c->sw->held.all > l->held_max ||
           (c->source_held != NULL && *c->source_held > l->held_source_max);
}

bool held_add(connection *c, size_t octets)
{
    server_worker *sw = c->sw;
    count(c, c->summed + octets);
    sw->held.since_look += octets;
    return is_too_much(c) && sw->held.since_look >= sw->limits.held_connection_max / LOOK_AFTER;
}

bool held_settle(connection *c)
{
    settle_received(c);
    const bool too_much = !c->cut && held(c) > c->sw->limits.held_connection_max;
    count(c, c->cut || too_much ? 0 : held(c));
    return too_much;
}

void held_leave(connection *c)
{
    count(c, 0);
}

/* Of one source, or of all. */
static connection *heaviest(server_worker *sw, const size_t *source)
{
    connection *most = NULL;
    for (connection *c = sw->connections; c != NULL; c = c->next) {
        if (!c->cut && (source == NULL || c->source_held == source) &&
            c->summed > (most != NULL ? most->summed : 0)) {
            most = c;
        }
    }
    return most;
}

static void end_heaviest(server_worker *sw, const size_t *source, size_t max, unsigned *ends,
                         void (*end)(connection *c, bool source))
{
    const size_t *sum = source != NULL ? source : &sw->held.all;
    connection *c;
    while (*sum > max && *ends < ENDS_MAX && (c = heaviest(sw, source)) != NULL) {
        count(c, 0);
        end(c, source != NULL);
        ++*ends;
    }
}

int64_t held_read(void)
{
    return atomic_load_explicit(&of_all, memory_order_relaxed);
}

/* What this worker has now, in place of what it had at its last look. */
static void tell(server_worker *sw)
{
    const int64_t more = (int64_t)sw->held.all - sw->held_told;
    sw->held_told += more;
    if (more != 0) {
        atomic_fetch_add_explicit(&of_all, more, memory_order_relaxed);
    }
}

bool held_judge(server_worker *sw, void (*end)(connection *c, bool source))
{
    const server_limits *l = &sw->limits;
    unsigned ends = 0;
    for (size_t i = 0; i < HELD_SOURCES; i++) {
        end_heaviest(sw, &sw->held.sources[i], l->held_source_max, &ends, end);
    }
    end_heaviest(sw, NULL, l->held_max, &ends, end);
    tell(sw);
    return ends == ENDS_MAX;
}

bool held_look(server_worker *sw, void (*end)(connection *c, bool source))
{
    sw->held.since_look = 0;
    for (connection *c = sw->connections; c != NULL; c = c->next) {
        if (held_settle(c)) {
            end(c, false);
        }
    }
    return held_judge(sw, end);
}
