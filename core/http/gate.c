/* SPDX-License-Identifier: Apache-2.0 */
/* See gate.h; asked for every accepted connection. The words below are shared by all workers, but
 * are touched a few times in a connection's life only, never by a request. */
#include "http/gate.h"

#include "base/address.h"
#include "base/log_limit.h"
#include "observe/counters.h"
#include <cmp-kit/memory.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ADMIN_CONNECTIONS 16 /* of its own: whoever is to look into a flood has to get in */

struct gate {
    gates *all;
    const char *name; /* the configuration's */
    int64_t share;    /* that nobody else can take */
    unsigned events[GATE_EVENT_COUNT];
    _Alignas(64) _Atomic int64_t taken;
    _Atomic int64_t stages[GATE_STAGES];
};

struct gates {
    gate *at; /* the last one is the admin socket's */
    size_t count;
    int64_t common_max;
    _Alignas(64) _Atomic int64_t common; /* taken by gates beyond their shares */
};

static log_limit lines = {.level = CMP_LOG_WARNING,
                          .area = "http",
                          .what = "lines about connections",
                          .each = LOG_EACH_MINUTE,
                          .all = LOG_ALL_TOGETHER};

static const struct {
    const char *name, *help, *text;
} events[] = {
#define X(name, word, help, text) [GATE_##name] = {word, help, text},
    GATE_EVENTS(X)
#undef X
};

static void gate_init(gate *g, gates *all, const char *name, int64_t share)
{
    char owner[96];
    snprintf(owner, sizeof(owner), "listener:%s", name);
    g->all = all;
    g->name = name;
    g->share = share;
    for (size_t i = 0; i < GATE_EVENT_COUNT; i++) {
        g->events[i] = counter_register(owner, events[i].name, events[i].help);
    }
}

static void *aligned(size_t size)
{
    void *at = aligned_alloc(64, (size + 63) / 64 * 64);
    if (at == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memset(at, 0, size);
}

gates *gates_create(const conf *c, int64_t connections_max)
{
    const conf_listener *listeners = c->top.listeners.at;
    gates *all = aligned(sizeof(*all));
    all->count = c->top.listeners.count + 1;
    all->at = aligned(all->count * sizeof(*all->at));
    all->common_max = connections_max;
    for (size_t i = 0; i < c->top.listeners.count; i++) {
        /* Fewer descriptors than connections that were asked for: all get their part of them. */
        const int64_t share = (int64_t)((double)listeners[i].connections * (double)connections_max /
                                        (double)c->top.limits.connections);
        gate_init(&all->at[i], all, listeners[i].name, share);
        all->common_max -= share;
    }
    gate_init(gates_admin(all), all, "admin", ADMIN_CONNECTIONS);
    return all;
}

void gates_destroy(gates **g)
{
    if (*g != NULL) {
        free((*g)->at);
        free(*g);
        *g = NULL;
    }
}

gate *gates_listener(gates *g, size_t index)
{
    return &g->at[index];
}

gate *gates_admin(gates *g)
{
    return &g->at[g->count - 1];
}

/* Relaxed: they are counts, by which nothing else is made known. */
static int64_t add(_Atomic int64_t *word, int64_t n)
{
    return atomic_fetch_add_explicit(word, n, memory_order_relaxed);
}

/* A place beyond the share is one of those in common, whichever connection leaves first. */
static void give_back(gate *g)
{
    if (add(&g->taken, -1) > g->share) {
        add(&g->all->common, -1);
    }
}

bool gate_enter(gate *g)
{
    /* Taken first and given back when it was too much: two who come at once never get the same
     * one. */
    const bool own = add(&g->taken, 1) < g->share;
    const bool is_admin = g == gates_admin(g->all); /* which has nothing in common with others */
    if (!own && (add(&g->all->common, 1) >= g->all->common_max || is_admin)) {
        give_back(g);
        return false;
    }
    add(&g->stages[GATE_HEADER], 1);
    return true;
}

void gate_leave(gate *g, gate_stage stage)
{
    add(&g->stages[stage], -1);
    give_back(g);
}

void gate_move(gate *g, gate_stage from, gate_stage to)
{
    add(&g->stages[from], -1);
    add(&g->stages[to], 1);
}

void gate_tell(const gate *g, gate_event event, const uint8_t source[16])
{
    counter_add(g->events[event], 1);
    if (events[event].text == NULL) {
        return;
    }
    char address[INET6_ADDRSTRLEN];
    address_format(source, address);
    const log_field fields[] = {{"listener", cmp_str_from(g->name)},
                                {"source", cmp_str_from(address)}};
    log_limited(&lines, cmp_str_from(g->name), events[event].name, fields, 2,
                "a connection from %s %s", address, events[event].text);
}

size_t gates_count(const gates *g)
{
    return g->count;
}

gate_state gates_state(const gates *g, size_t index)
{
    const gate *one = &g->at[index];
    gate_state state = {.listener = one->name, .share = one->share};
    for (size_t i = 0; i < GATE_STAGES; i++) {
        state.stages[i] = atomic_load_explicit(&one->stages[i], memory_order_relaxed);
    }
    return state;
}
