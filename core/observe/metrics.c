/* SPDX-License-Identifier: Apache-2.0 */
/* The names of metrics that somebody registered by owner and name (cmpd-metrics(7) has them all):
 *
 *     a part of the core   cmpd_OWNER_NAME, or cmpd_NAME when that is the whole
 *     a listener           cmpd_listener_NAME{listener}
 *     an instance, of ours cmpd_instance_NAME{name,plugin,…}
 *     a plugin, its own    cmpd_plugin_PLUGIN_NAME{name}
 *
 * Families are written whole, so what is registered in any order is sorted first. */
#include "observe/metrics.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>

#define FAMILY_SIZE 192

typedef struct shown {
    metric_view view;
    char family[FAMILY_SIZE];
    char name[FAMILY_SIZE + 16]; /* of the first of a family: as it is written */
    const char *unit;
    double scale; /* what is counted is so many times what is shown */
    const char *help;
    exposition_label labels[4];
    size_t order;
} shown;

typedef struct list {
    shown *at;
    size_t count, room;
} list;

/* ---- names ---- */

/* What the core counts for every instance; all else is its plugin's. */
static bool is_of_every_instance(const char *name)
{
    static const char *const names[] = {"stale_operations", "bad_answers",  "not_asked",  "stalls",
                                        "cache_hits",       "cache_misses", "cache_stale"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Answers by the operation and its verdict: "lookup_found". */
static void name_about(shown *s)
{
    static const char *const operations[] = {"verify", "sign", "lookup", "route"};
    const char *name = s->view.name;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        const size_t size = strlen(operations[i]);
        if (strncmp(name, operations[i], size) == 0 && name[size] == '_') {
            s->labels[2] = (exposition_label){"operation", operations[i]};
            s->labels[3] = (exposition_label){"verdict", name + size + 1};
            s->help = "Answers of a plugin by what they said";
            name = "answers";
        }
    }
    snprintf(s->family, sizeof(s->family), "cmpd_instance_%s", name);
}

static void name_family(shown *s)
{
    const metric_view *v = &s->view;
    const char *const of = v->of;
    s->help = v->help;
    switch (v->owner_kind) {
    case OWNER_LISTENER:
        snprintf(s->family, sizeof(s->family), "cmpd_listener_%s", v->name);
        s->labels[0] = (exposition_label){"listener", of};
        break;
    case OWNER_INSTANCE:
        s->labels[0] = (exposition_label){"name", v->owner};
        if (is_of_every_instance(v->name)) {
            snprintf(s->family, sizeof(s->family), "cmpd_instance_%s", v->name);
            s->labels[1] = (exposition_label){"plugin", of};
        } else {
            snprintf(s->family, sizeof(s->family), "cmpd_plugin_%s_%s", of, v->name);
        }
        break;
    case OWNER_ABOUT:
        s->labels[0] = (exposition_label){"name", v->owner + strlen("instance:")};
        s->labels[1] = (exposition_label){"plugin", of};
        name_about(s);
        break;
    case OWNER_GONE: /* is not shown */
        break;
    case OWNER_CORE:
        if (strcmp(v->owner, "cmpd") == 0) {
            snprintf(s->family, sizeof(s->family), "cmpd_%s", v->name);
        } else if (strcmp(v->owner, "requests") == 0) {
            snprintf(s->family, sizeof(s->family), "cmpd_requests");
            s->labels[0] = (exposition_label){"result", v->name};
            s->help = "Requests by what became of them";
        } else {
            snprintf(s->family, sizeof(s->family), "cmpd_%s_%s", v->owner, v->name);
        }
        break;
    }
}

/* A plugin calls its metrics as it likes. */
static void make_valid(char *family)
{
    for (; *family != '\0'; family++) {
        const char c = *family;
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) {
            *family = '_';
        }
    }
}

/* Base units, as everybody else has them, and no ending that the form adds by itself. */
static void set_unit(shown *s)
{
    static const struct {
        const char *ending, *instead, *unit;
        double scale;
    } units[] = {{"_us", "_seconds", "seconds", 1e6},
                 {"_ms", "_seconds", "seconds", 1e3},
                 {"_s", "_seconds", "seconds", 1},
                 {"_seconds", "_seconds", "seconds", 1},
                 {"_bytes", "_bytes", "bytes", 1}};
    s->scale = 1;
    size_t size = strlen(s->family);
    if (size > 6 && strcmp(s->family + size - 6, "_total") == 0) {
        s->family[size -= 6] = '\0';
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const size_t ending = strlen(units[i].ending);
        if (size > ending && strcmp(s->family + size - ending, units[i].ending) == 0) {
            snprintf(s->family + size - ending, FAMILY_SIZE - (size - ending), "%s",
                     units[i].instead);
            s->unit = units[i].unit;
            s->scale = units[i].scale;
            return;
        }
    }
}

/* ---- all of them ---- */

static void collect(const metric_view *v, void *arg)
{
    list *l = arg;
    if (l->count == l->room) {
        l->room = l->room != 0 ? 2 * l->room : 128;
        l->at = kit_realloc(l->at, l->room * sizeof(*l->at));
    }
    shown *s = &l->at[l->count];
    *s = (shown){.view = *v, .order = l->count++};
    name_family(s);
    make_valid(s->family);
    set_unit(s);
}

static int compare(const void *left, const void *right)
{
    const shown *a = left, *b = right;
    const int names = strcmp(a->family, b->family);
    return names != 0                     ? names
           : a->view.kind != b->view.kind ? (int)a->view.kind - (int)b->view.kind
                                          : (a->order > b->order) - (a->order < b->order);
}

/* `before` is the one in front, or NULL. One name is one kind: another kind of that name, of an
 * instance of a plugin that says otherwise, gets a name of its own. */
static void begin_family(exposition *e, shown *s, const shown *before)
{
    static const char *const endings[] = {"_counter", "_gauge", "_histogram"};
    const bool same_name = before != NULL && strcmp(before->family, s->family) == 0;
    if (same_name && before->view.kind == s->view.kind) {
        return;
    }
    if (same_name) {
        s->unit = NULL;
    }
    snprintf(s->name, sizeof(s->name), "%s%s", s->family, same_name ? endings[s->view.kind] : "");
    exposition_family(e, s->view.kind, s->name, s->unit, s->help);
}

static void expose(exposition *e, const shown *s)
{
    exposition_labels(e, s->labels, 4);
    switch (s->view.kind) {
    case METRIC_COUNTER:
        if (s->scale == 1) {
            exposition_count(e, s->view.value.counter);
        } else {
            exposition_number(e, (double)s->view.value.counter / s->scale);
        }
        break;
    case METRIC_GAUGE:
        exposition_number(e, (double)s->view.value.gauge / s->scale);
        break;
    case METRIC_HISTOGRAM:
        exposition_histogram(e, &s->view.value.histogram, s->scale);
        break;
    }
}

void metrics_expose(exposition *e)
{
    list l = {.at = NULL};
    metrics_each(collect, &l);
    if (l.count > 0) {
        qsort(l.at, l.count, sizeof(*l.at), compare);
    }
    for (size_t i = 0; i < l.count; i++) {
        begin_family(e, &l.at[i], i > 0 ? &l.at[i - 1] : NULL);
        expose(e, &l.at[i]);
    }
    free(l.at);
}
