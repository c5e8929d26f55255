/* SPDX-License-Identifier: Apache-2.0 */
/* See status_grids.h. */
#include "ctl/status_grids.h"

#include "ctl/look.h"
#include "ctl/units.h"

#include <cmp-kit/memory.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_MS     ((int64_t)24 * 3600 * 1000)
#define ENDS_SOON  (30 * DAY_MS)
#define RATE_WIDTH 7
#define TIME_WIDTH 7

/* ---- cells ---- */

static void put_rate(grid *g, tone busy, double rate)
{
    char text[UNITS_TEXT_SIZE];
    if (isnan(rate)) {
        grid_cell(g, TONE_QUIET, "-");
    } else {
        grid_cell(g, rate > 0 ? busy : TONE_QUIET, "%s", units_rate(rate, text));
    }
}

static void put_count(grid *g, tone some, int64_t count)
{
    char text[UNITS_TEXT_SIZE];
    grid_cell(g, count > 0 ? some : TONE_QUIET, "%s",
              units_count(count > 0 ? (uint64_t)count : 0, text));
}

/* `last_us` is the last bound: what is beyond it is known to be so, and no more. */
static void put_quantile(grid *g, const json_t *spread, const json_t *before, double part)
{
    char text[UNITS_TEXT_SIZE];
    const double us = figures_quantile(spread, before, part);
    if (isnan(us)) {
        grid_cell(g, TONE_QUIET, "-");
    } else if (isinf(us)) {
        const json_t *to = json_object_get(spread, "to");
        const json_t *last = json_array_get(to, json_array_size(to) - 1);
        grid_cell(g, TONE_BAD, ">%s", units_latency((double)json_integer_value(last), text));
    } else {
        grid_cell(g, TONE_PLAIN, "%s", units_latency(us, text));
    }
}

static void put_quantiles(grid *g, const figures *f, const json_t *now, const json_t *before)
{
    static const double parts[] = {0.5, 0.9, 0.99};
    const json_t *spread = f->before != NULL ? json_object_get(now, "took_us") : NULL;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        put_quantile(g, spread, json_object_get(before, "took_us"), parts[i]);
    }
}

/* ---- transactions ---- */

static int64_t sum_of(const json_t *counts)
{
    int64_t sum = 0;
    const char *name;
    json_t *count;
    json_object_foreach((json_t *)(uintptr_t)counts, name, count)
    {
        sum += json_integer_value(count);
    }
    return sum;
}

static int64_t errors_of(const json_t *interface)
{
    return sum_of(json_object_get(interface, "errors"));
}

static int64_t all_of(const json_t *interface)
{
    return sum_of(json_object_get(interface, "ends")) + errors_of(interface);
}

static void put_error_part(grid *g, double errors, double all)
{
    if (isnan(all) || all == 0) {
        grid_cell(g, TONE_QUIET, "-");
    } else {
        const double percent = 100 * errors / all;
        grid_cell(g, percent >= 5 ? TONE_WARNING : TONE_PLAIN, "%.*f %%", percent < 9.95, percent);
    }
}

static void put_interface(grid *g, const figures *f, const json_t *now)
{
    const json_t *before = figures_before(f, "transactions/interfaces", "interface", now);
    const double all = figures_rate(f, all_of(now), all_of(before));
    grid_cell(g, TONE_PLAIN, "%s", look_text(now, "interface"));
    put_rate(g, TONE_PLAIN, all);
    put_error_part(g, figures_rate(f, errors_of(now), errors_of(before)), all);
    put_quantiles(g, f, now, before);
    put_count(g, TONE_PLAIN, all_of(now));
}

/* Interfaces that nobody ever asked on do not show. */
grid *status_grid_transactions(const figures *f)
{
    static const grid_column columns[] = {{.title = "TRANSACTIONS", .least = 12},
                                          {.title = "PER S", .right = true, .least = RATE_WIDTH},
                                          {.title = "ERRORS", .right = true},
                                          {.title = "P50", .right = true, .least = TIME_WIDTH},
                                          {.title = "P90", .right = true, .least = TIME_WIDTH},
                                          {.title = "P99", .right = true, .least = TIME_WIDTH},
                                          {.title = "ALL", .right = true, .least = 11},
                                          {.title = NULL}};
    grid *g = grid_create(columns);
    size_t i;
    json_t *one;
    json_array_foreach(look_at(f->now, "transactions/interfaces"), i, one)
    {
        if (all_of(one) > 0) {
            put_interface(g, f, one);
        }
    }
    return g;
}

/* ---- rows in an order ---- */

typedef struct ranked {
    const json_t *at;
    const char *name;
    double rank;
    size_t order;
} ranked;

static int compare(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    return a->rank != b->rank ? (a->rank < b->rank) - (a->rank > b->rank)
                              : (a->order > b->order) - (a->order < b->order);
}

static void sort(ranked *rows, size_t count)
{
    if (count > 0) {
        qsort(rows, count, sizeof(*rows), compare);
    }
}

/* ---- peers ---- */

static int64_t attempts_of(const json_t *peer)
{
    return sum_of(json_object_get(peer, "attempts"));
}

/* Those in trouble, then by how much is to do with them. */
static double rank_of_peer(const figures *f, const json_t *now)
{
    static const double troubles[] = {
        [TONE_PLAIN] = 0, [TONE_STRONG] = 0, [TONE_ALARM] = 0,      [TONE_HEAD] = 0,
        [TONE_QUIET] = 0, [TONE_GOOD] = 0,   [TONE_WARNING] = 1e12, [TONE_BAD] = 2e12};
    const json_t *before = figures_before(f, "peers", "peer", now);
    const double trouble = troubles[look_state_tone(look_text(now, "state"))];
    const double rate = figures_rate(f, attempts_of(now) + look_number(now, "transactions"),
                                     attempts_of(before) + look_number(before, "transactions"));
    return trouble + (isnan(rate) ? 0 : rate * 1e3) +
           (attempts_of(now) + look_number(now, "transactions") > 0 ? 1 : 0);
}

static void put_peer(grid *g, const figures *f, const json_t *now)
{
    char servers[160];
    const json_t *before = figures_before(f, "peers", "peer", now);
    const char *state = look_text(now, "state");
    const int64_t failed = look_failed(now);
    const bool fails = before != NULL && failed > look_failed(before);
    const json_t *spread = f->before != NULL ? json_object_get(now, "took_us") : NULL;
    grid_cell(g, TONE_PLAIN, "%s", look_text(now, "peer"));
    grid_cell(g, look_state_tone(state), "%s", state);
    put_rate(g, TONE_PLAIN, figures_rate(f, attempts_of(now), attempts_of(before)));
    put_rate(g, TONE_PLAIN,
             figures_rate(f, look_number(now, "transactions"),
                          look_number(before, "transactions")));
    put_count(g, TONE_PLAIN, look_number(now, "in_flight"));
    put_count(g, fails ? TONE_BAD : TONE_WARNING, failed);
    put_quantile(g, spread, json_object_get(before, "took_us"), 0.5);
    put_quantile(g, spread, json_object_get(before, "took_us"), 0.99);
    grid_cell(g, TONE_QUIET, "%s", look_servers(now, servers, sizeof(servers)));
}

grid *status_grid_peers(const figures *f)
{
    static const grid_column columns[] = {{.title = "PEER", .least = 12},
                                          {.title = "STATE", .least = 8},
                                          {.title = "OUT/S", .right = true, .least = RATE_WIDTH},
                                          {.title = "IN/S", .right = true, .least = RATE_WIDTH},
                                          {.title = "FLIGHT", .right = true},
                                          {.title = "FAILED", .right = true},
                                          {.title = "P50", .right = true, .least = TIME_WIDTH},
                                          {.title = "P99", .right = true, .least = TIME_WIDTH},
                                          {.title = "SERVERS"},
                                          {.title = NULL}};
    const json_t *peers = json_object_get(f->now, "peers");
    const size_t count = json_array_size(peers);
    ranked *rows = kit_calloc(count + 1, sizeof(*rows));
    grid *g = grid_create(columns);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(peers, i);
        rows[i] = (ranked){.at = one, .rank = rank_of_peer(f, one), .order = i};
    }
    sort(rows, count);
    for (size_t i = 0; i < count; i++) {
        put_peer(g, f, rows[i].at);
    }
    free(rows);
    return g;
}

/* ---- plugins ---- */

static int64_t counted_between(const figures *f, const json_t *instance, const char *name)
{
    const char *owner = look_text(instance, "instance");
    return look_counter(f->now, owner, name) - look_counter(f->before, owner, name);
}

/* Of the look-ups since the look before. */
static void put_cache(grid *g, const figures *f, const json_t *instance)
{
    const int64_t hits = counted_between(f, instance, "cache_hits");
    const int64_t all = hits + counted_between(f, instance, "cache_misses");
    if (json_is_true(json_object_get(instance, "cached")) && all > 0) {
        const double percent = 100 * (double)hits / (double)all;
        grid_cell(g, TONE_PLAIN, "%.*f %%", percent < 99.95, percent);
    } else {
        grid_cell(g, TONE_QUIET, "-");
    }
}

static void put_plugin(grid *g, const figures *f, const json_t *now)
{
    const json_t *before = figures_before(f, "instances", "instance", now);
    const char *health = look_text(now, "health");
    grid_cell(g, TONE_PLAIN, "%s", look_text(now, "instance"));
    grid_cell(g, look_state_tone(health), "%s", health);
    put_rate(g, TONE_PLAIN,
             figures_rate(f, look_number(now, "calls"), look_number(before, "calls")));
    put_count(g, TONE_PLAIN, look_number(now, "under_way"));
    put_count(g, TONE_WARNING, look_number(now, "unavailable"));
    put_count(g, TONE_BAD, look_number(now, "errors"));
    put_count(g, TONE_WARNING, look_number(now, "stalls"));
    put_cache(g, f, now);
    grid_cell(g, TONE_QUIET, "%s", look_text(now, "plugin"));
}

grid *status_grid_plugins(const figures *f)
{
    static const grid_column columns[] = {{.title = "PLUGIN", .least = 12},
                                          {.title = "HEALTH", .least = 8},
                                          {.title = "CALLS/S", .right = true, .least = RATE_WIDTH},
                                          {.title = "NOW", .right = true},
                                          {.title = "UNAVAIL", .right = true},
                                          {.title = "BAD", .right = true},
                                          {.title = "STALLS", .right = true},
                                          {.title = "CACHED", .right = true},
                                          {.title = "USES"},
                                          {.title = NULL}};
    grid *g = grid_create(columns);
    const json_t *all = json_object_get(f->now, "instances");
    for (int stores = 1; stores >= 0; stores--) {
        size_t i;
        json_t *one;
        json_array_foreach(all, i, one)
        {
            if ((strcmp(look_text(one, "kind"), "store") == 0) == (stores == 1)) {
                put_plugin(g, f, one);
            }
        }
    }
    return g;
}

/* ---- errors ---- */

/* Adds what one interface has counted of each code word. */
static void add_errors(const json_t *look, json_t *sums)
{
    size_t i;
    json_t *interface, *count;
    const char *code;
    json_array_foreach(look_at(look, "transactions/interfaces"), i, interface)
    {
        json_object_foreach(json_object_get(interface, "errors"), code, count)
        {
            json_object_set_new(sums, code,
                                json_integer(look_number(sums, code) + json_integer_value(count)));
        }
    }
}

grid *status_grid_errors(const figures *f)
{
    static const grid_column columns[] = {{.title = "ERRORS", .least = 28},
                                          {.title = "PER S", .right = true, .least = RATE_WIDTH},
                                          {.title = "ALL", .right = true, .least = 9},
                                          {.title = NULL}};
    json_t *now = json_object(), *before = json_object(), *count;
    const char *code;
    size_t used = 0;
    grid *g = grid_create(columns);
    add_errors(f->now, now);
    add_errors(f->before, before);
    ranked *rows = kit_calloc(json_object_size(now) + 1, sizeof(*rows));
    json_object_foreach(now, code, count)
    {
        const int64_t all = json_integer_value(count);
        const double rate = figures_rate(f, all, look_number(before, code));
        rows[used] = (ranked){.name = code,
                              .rank = (isnan(rate) ? 0 : rate * 1e12) + (double)all,
                              .order = used};
        used++;
    }
    sort(rows, used);
    for (size_t i = 0; i < used; i++) {
        const int64_t all = look_number(now, rows[i].name);
        grid_cell(g, TONE_PLAIN, "%s", rows[i].name);
        put_rate(g, TONE_WARNING, figures_rate(f, all, look_number(before, rows[i].name)));
        put_count(g, TONE_PLAIN, all);
    }
    free(rows);
    json_decref(now);
    json_decref(before);
    return g;
}

/* ---- listeners ---- */

static int64_t gate_counter(const json_t *look, const char *listener, const char *name)
{
    char owner[128];
    snprintf(owner, sizeof(owner), "listener:%s", listener);
    return look_counter(look, owner, name);
}

/* Of what the gate counts (http/gate.h) all whose connection came to nothing. */
static int64_t refused_of(const json_t *look, const char *listener)
{
    static const char *const names[] = {"refused_full", "refused_many",   "refused_fast",
                                        "refused_busy", "refused_header", "late_header"};
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        sum += gate_counter(look, listener, names[i]);
    }
    return sum;
}

static void put_listener(grid *g, const figures *f, const json_t *now)
{
    const char *name = look_text(now, "listener");
    const int64_t refused = refused_of(f->now, name);
    grid_cell(g, TONE_PLAIN, "%s", name);
    put_count(g, TONE_PLAIN, look_number(now, "open"));
    put_count(g, TONE_PLAIN,
              look_number(now, "header") + look_number(now, "turn") +
                  look_number(now, "handshake"));
    put_rate(g, TONE_PLAIN,
             figures_rate(f, gate_counter(f->now, name, "accepted"),
                          gate_counter(f->before, name, "accepted")));
    put_rate(g, TONE_BAD, figures_rate(f, refused, refused_of(f->before, name)));
    put_count(g, TONE_WARNING, refused);
}

grid *status_grid_listeners(const figures *f)
{
    static const grid_column columns[] = {{.title = "LISTENER", .least = 12},
                                          {.title = "CONNECTED", .right = true},
                                          {.title = "BEFORE", .right = true},
                                          {.title = "NEW/S", .right = true, .least = RATE_WIDTH},
                                          {.title = "REFUSED/S", .right = true},
                                          {.title = "REFUSED", .right = true, .least = 9},
                                          {.title = NULL}};
    grid *g = grid_create(columns);
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(f->now, "listeners"), i, one)
    {
        put_listener(g, f, one);
    }
    return g;
}

/* ---- what ends ---- */

static void put_end(grid *g, const json_t *end, int64_t now_ms)
{
    char span[UNITS_TEXT_SIZE];
    const int64_t left_ms = look_number(end, "end_ms") - now_ms;
    const char *file = look_text(end, "file");
    const tone t = look_end_tone(left_ms);
    grid_cell(g, TONE_PLAIN, "%s", look_text(end, "kind"));
    grid_cell(g, t, "%s%s%s", left_ms > 0 ? "in " : "", units_span(llabs(left_ms), span),
              left_ms > 0 ? "" : " ago");
    grid_cell(g, TONE_PLAIN, "%s %s", look_text(end, "of"), look_text(end, "name"));
    grid_cell(g, TONE_QUIET, "%s", *file != '\0' ? file : look_text(end, "id"));
}

/* Those that end soon, or else the next one. */
grid *status_grid_ends(const figures *f)
{
    static const grid_column columns[] = {{.title = "ENDS", .least = 12},
                                          {.title = "WHEN", .least = 12},
                                          {.title = "OF", .least = 12},
                                          {.title = "WHICH"},
                                          {.title = NULL}};
    const int64_t now_ms = look_number(f->now, "now_ms");
    grid *g = grid_create(columns);
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(f->now, "ends"), i, one)
    {
        if (i == 0 || look_number(one, "end_ms") - now_ms < ENDS_SOON) {
            put_end(g, one, now_ms);
        }
    }
    return g;
}
