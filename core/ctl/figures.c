/* SPDX-License-Identifier: Apache-2.0 */
/* See figures.h. */
#include "ctl/figures.h"

#include "ctl/look.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool figures_same_process(const json_t *before, const json_t *now)
{
    return look_number(before, "pid") == look_number(now, "pid") &&
           look_number(before, "uptime_ms") <= look_number(now, "uptime_ms");
}

figures figures_of(const json_t *now, const json_t *before)
{
    figures f = {.now = now};
    if (before != NULL && figures_same_process(before, now)) {
        f.seconds =
            (double)(look_number(now, "uptime_ms") - look_number(before, "uptime_ms")) / 1000;
        f.before = f.seconds > 0 ? before : NULL;
    }
    return f;
}

const json_t *figures_before(const figures *f, const char *list, const char *key,
                             const json_t *object)
{
    size_t i;
    json_t *one;
    const char *wanted = look_text(object, key);
    json_array_foreach(look_at(f->before, list), i, one)
    {
        if (strcmp(look_text(one, key), wanted) == 0) {
            return one;
        }
    }
    return NULL;
}

double figures_rate(const figures *f, int64_t now, int64_t before)
{
    return f->before == NULL ? NAN : now > before ? (double)(now - before) / f->seconds : 0;
}

double figures_processors(const figures *f)
{
    return figures_rate(f, look_number(f->now, "cpu_ms"), look_number(f->before, "cpu_ms")) / 1000;
}

/* ---- histograms ---- */

static uint64_t bucket_of(const json_t *spread, const json_t *before, size_t i)
{
    const json_int_t now = json_integer_value(json_array_get(json_object_get(spread, "count"), i));
    const json_int_t was = json_integer_value(json_array_get(json_object_get(before, "count"), i));
    return now > was ? (uint64_t)(now - was) : 0;
}

static size_t buckets_of(const json_t *spread)
{
    return json_array_size(json_object_get(spread, "count"));
}

uint64_t figures_values(const json_t *spread, const json_t *before)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < buckets_of(spread); i++) {
        sum += bucket_of(spread, before, i);
    }
    return sum;
}

double figures_quantile(const json_t *spread, const json_t *before, double part)
{
    const json_t *to = json_object_get(spread, "to");
    const double wanted = part * (double)figures_values(spread, before);
    double below = 0, from = 0;
    for (size_t i = 0; i < buckets_of(spread); i++) {
        const double here = (double)bucket_of(spread, before, i);
        const json_t *bound = json_array_get(to, i);
        const double end = bound != NULL ? (double)json_integer_value(bound) : INFINITY;
        if (here > 0 && below + here >= wanted) {
            return isinf(end) ? end : from + (end - from) * (wanted - below) / here;
        }
        below += here;
        from = end;
    }
    return NAN;
}

/* ---- for programs ---- */

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *interface_json(const figures *f, const json_t *now)
{
    const json_t *was =
        json_object_get(figures_before(f, "transactions/interfaces", "interface", now), "took_us");
    const json_t *took = json_object_get(now, "took_us");
    const uint64_t values = f->before != NULL ? figures_values(took, was) : 0;
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "interface", look_text(now, "interface"), "per_s",
                     real(f->before != NULL ? (double)values / f->seconds : NAN), "p50_us",
                     real(values > 0 ? figures_quantile(took, was, 0.5) : NAN), "p90_us",
                     real(values > 0 ? figures_quantile(took, was, 0.9) : NAN), "p99_us",
                     real(values > 0 ? figures_quantile(took, was, 0.99) : NAN));
}

json_t *figures_json(const figures *f)
{
    json_t *interfaces = json_array(), *one;
    size_t i;
    json_array_foreach(look_at(f->now, "transactions/interfaces"), i, one)
    {
        json_array_append_new(interfaces, interface_json(f, one));
    }
    return json_pack("{s:o, s:o, s:o}", "seconds", real(f->before != NULL ? f->seconds : NAN),
                     "processors", real(figures_processors(f)), "interfaces", interfaces);
}
