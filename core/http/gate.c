/* SPDX-License-Identifier: Apache-2.0 */
/* See gate.h; asked for every accepted connection. What is below is shared by all workers, but is
 * touched a few times in a connection's life only, never by a request. */
#include "http/gate.h"

#include "base/log_limit.h"
#include "base/log_source.h"
#include "base/refusals.h"
#include "observe/counters.h"
#include "observe/owners.h"
#include <cmp-kit/memory.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ADMIN_CONNECTIONS 16 /* of its own: whoever is to look into a flood has to get in */
#define OWNER_SIZE        96
#define SOURCES_LEAST     65536 /* addresses that a listener keeps in mind */

struct gate {
    gates *all;
    char *name;
    sources *sources;
    unsigned events[GATE_EVENT_COUNT];
    _Atomic int64_t stages[GATE_STAGES];

    /* with the lock of all */
    gate *next;
    int64_t share; /* that nobody else can take */
    int64_t taken;
    unsigned users;
    bool configured;
};

struct gates {
    pthread_mutex_t lock;
    gate *first; /* in the order of gates_each */
    gate *admin;
    int64_t common_max;
    int64_t common; /* taken by gates beyond their shares */
};

const char *const gate_stage_names[] = {[GATE_HEADER] = "header",
                                        [GATE_TURN] = "turn",
                                        [GATE_HANDSHAKE] = "handshake",
                                        [GATE_OPEN] = "open"};

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

/* As counters have it. */
static void owner_of(const char *name, char owner[OWNER_SIZE])
{
    snprintf(owner, OWNER_SIZE, "listener:%s", name);
}

static gate *gate_make(gates *all, const char *name)
{
    char owner[OWNER_SIZE];
    gate *g = kit_calloc(1, sizeof(*g));
    owner_of(name, owner);
    owner_enter(owner, OWNER_LISTENER, name);
    g->all = all;
    g->name = kit_strdup(name);
    for (size_t i = 0; i < GATE_EVENT_COUNT; i++) {
        g->events[i] = counter_register(owner, events[i].name, events[i].help);
    }
    return g;
}

static void gate_free(gate *g)
{
    char owner[OWNER_SIZE];
    owner_of(g->name, owner);
    owner_leave(owner, g->name);
    sources_unref(&g->sources);
    free(g->name);
    free(g);
}

gates *gates_create(void)
{
    gates *all = kit_calloc(1, sizeof(*all));
    pthread_mutex_init(&all->lock, NULL);
    all->admin = all->first = gate_make(all, CONF_LISTENER_ADMIN);
    all->admin->share = ADMIN_CONNECTIONS;
    all->admin->configured = true;
    return all;
}

void gates_destroy(gates **ref)
{
    gates *all = *ref;
    if (all == NULL) {
        return;
    }
    for (gate *g = all->first, *next; g != NULL; g = next) {
        next = g->next;
        gate_free(g);
    }
    pthread_mutex_destroy(&all->lock);
    free(all);
    *ref = NULL;
}

/* ---- by the configuration ---- */

/* The table has twice as many places as there can be connections, so that these are never all that
 * a bucket holds. */
static void configure_sources(gate *g, const conf_listener *l, int64_t connections)
{
    const int64_t connects_a_second = l->source_connects / 3600;
    const sources_limits limits = {
        .requests_per_hour = l->source_rate,
        .requests_at_once = (unsigned)l->source_burst,
        .connects_per_hour = l->source_connects,
        .connects_at_once = connects_a_second > 2 ? (unsigned)connects_a_second / 2 : 1,
        .connections = (unsigned)l->source_connections,
    };
    if (g->sources == NULL) {
        const size_t room = 2 * (size_t)connections;
        g->sources = sources_create(room > SOURCES_LEAST ? room : SOURCES_LEAST, &limits);
    } else {
        sources_set_limits(g->sources, &limits);
    }
}

/* Takes it out of a list; NULL: there is none. */
static gate *take_by_name(gate **first, const char *name)
{
    for (gate **at = first; *at != NULL; at = &(*at)->next) {
        gate *g = *at;
        if (g != g->all->admin && strcmp(g->name, name) == 0) {
            *at = g->next;
            return g;
        }
    }
    return NULL;
}

static void append(gate ***last, gate *g)
{
    g->next = NULL;
    **last = g;
    *last = &g->next;
}

static int64_t beyond(const gate *g)
{
    return g->taken > g->share ? g->taken - g->share : 0;
}

/* Those whose listener is gone: what is left of them is in common. */
static void append_rest(gates *all, gate ***last, gate *rest)
{
    for (gate *g = rest, *next; g != NULL; g = next) {
        next = g->next;
        if (g == all->admin) {
            continue;
        }
        g->configured = false;
        g->share = 0;
        if (g->users > 0) {
            append(last, g);
        } else {
            gate_free(g);
        }
    }
}

void gates_configure(gates *all, const conf *c, int64_t connections_max)
{
    const conf_listener *listeners = c->top.listeners.at;
    pthread_mutex_lock(&all->lock);
    gate *before = all->first, **last = &all->first;
    all->first = NULL;
    all->common_max = connections_max;
    for (size_t i = 0; i < c->top.listeners.count; i++) {
        gate *g = take_by_name(&before, listeners[i].name);
        g = g != NULL ? g : gate_make(all, listeners[i].name);
        /* Fewer descriptors than connections that were asked for: all get their part of them. */
        g->share = (int64_t)((double)listeners[i].connections * (double)connections_max /
                             (double)c->top.limits.connections);
        g->configured = true;
        configure_sources(g, &listeners[i], c->top.limits.connections);
        all->common_max -= g->share;
        append(&last, g);
    }
    append_rest(all, &last, before);
    append(&last, all->admin);
    all->common = 0;
    for (const gate *g = all->first; g != all->admin; g = g->next) {
        all->common += beyond(g);
    }
    pthread_mutex_unlock(&all->lock);
}

gate *gate_ref(gates *all, const char *listener)
{
    pthread_mutex_lock(&all->lock);
    gate *g = all->first;
    while (g != NULL && strcmp(g->name, listener) != 0) {
        g = g->next;
    }
    if (g == NULL) {
        g = gate_make(all, listener);
        g->next = all->first;
        all->first = g;
    }
    g->users++;
    pthread_mutex_unlock(&all->lock);
    return g;
}

gate *gate_ref_admin(gates *all)
{
    pthread_mutex_lock(&all->lock);
    all->admin->users++;
    pthread_mutex_unlock(&all->lock);
    return all->admin;
}

void gate_unref(gate **ref)
{
    gate *g = *ref;
    *ref = NULL;
    gates *all = g->all;
    pthread_mutex_lock(&all->lock);
    if (--g->users == 0 && !g->configured) {
        gate_free(take_by_name(&all->first, g->name));
    }
    pthread_mutex_unlock(&all->lock);
}

sources *gate_sources(const gate *g)
{
    return g->sources;
}

/* ---- places ---- */

/* A place beyond the share is one of those in common, whichever connection leaves first. */
bool gate_enter(gate *g)
{
    gates *all = g->all;
    pthread_mutex_lock(&all->lock);
    const bool own = g->taken < g->share;
    const bool free_one = g != all->admin && all->common < all->common_max;
    g->taken += own || free_one;
    all->common += !own && free_one;
    pthread_mutex_unlock(&all->lock);
    if (own || free_one) {
        atomic_fetch_add_explicit(&g->stages[GATE_HEADER], 1, memory_order_relaxed);
    }
    return own || free_one;
}

void gate_leave(gate *g, gate_stage stage)
{
    atomic_fetch_sub_explicit(&g->stages[stage], 1, memory_order_relaxed);
    pthread_mutex_lock(&g->all->lock);
    g->all->common -= g->taken > g->share;
    g->taken--;
    pthread_mutex_unlock(&g->all->lock);
}

void gate_move(gate *g, gate_stage from, gate_stage to)
{
    /* Relaxed: they are counts, by which nothing else is made known. */
    atomic_fetch_sub_explicit(&g->stages[from], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&g->stages[to], 1, memory_order_relaxed);
}

void gate_tell(const gate *g, gate_event event, const uint8_t source[16])
{
    counter_add(g->events[event], 1);
    if (event == GATE_FULL) {
        refusal_count(REFUSAL_CONNECTIONS);
    }
    if (events[event].text == NULL) {
        return;
    }
    char address[LOG_SOURCE_SIZE];
    const log_field fields[] = {{"listener", cmp_str_from(g->name)}, log_source(source, address)};
    log_limited(&lines, cmp_str_from(g->name), events[event].name, fields, 2, "a connection %s",
                events[event].text);
}

static gate_state state_of(const gate *g)
{
    gate_state state = {.listener = g->name, .share = g->share};
    for (size_t i = 0; i < GATE_STAGES; i++) {
        state.stages[i] = atomic_load_explicit(&g->stages[i], memory_order_relaxed);
    }
    return state;
}

gates_taken gates_taken_get(gates *all)
{
    gates_taken t = {0, 0};
    pthread_mutex_lock(&all->lock);
    t.max = all->common_max;
    for (const gate *g = all->first; g != NULL; g = g->next) {
        t.used += g != all->admin ? g->taken : 0;
        t.max += g != all->admin ? g->share : 0;
    }
    pthread_mutex_unlock(&all->lock);
    return t;
}

void gates_each(gates *all, void (*visit)(const gate_state *state, void *arg), void *arg)
{
    pthread_mutex_lock(&all->lock);
    for (const gate *g = all->first; g != NULL; g = g->next) {
        const gate_state state = state_of(g);
        visit(&state, arg);
    }
    pthread_mutex_unlock(&all->lock);
}
