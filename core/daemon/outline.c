/* SPDX-License-Identifier: Apache-2.0 */
/* See outline.h. */
#include "daemon/outline.h"

#include "conf/schema_likeness.h"

#include <stdlib.h>

typedef struct outlining {
    outline *o;
    size_t room;
    kit_arena *memory;
} outlining;

static outline_part *add(outlining *a, const char *section, const char *name)
{
    outline_part *part = &a->o->parts[a->o->count++];
    part->path = section != NULL ? kit_arena_printf(a->memory, "%s.%s", section, name) : name;
    return part;
}

/* ---- settings ---- */

/* The keyring changes by itself, and lists are looked at one by one. */
static bool is_setting(const cmp_option *row)
{
    return row->type != CMP_OPTION_ROWS && strcmp(row->name, "keys") != 0 &&
           strcmp(row->name, "include") != 0;
}

static size_t count_settings(void)
{
    size_t count = 0;
    for (const cmp_option *row = conf_rows; row->name != NULL; row++) {
        for (const cmp_option *one = row->rows; is_setting(row) && one != NULL && one->name != NULL;
             one++) {
            count++;
        }
        count++;
    }
    return count;
}

static void add_settings(outlining *a, const conf_top *top)
{
    for (const cmp_option *row = conf_rows; row->name != NULL; row++) {
        if (!is_setting(row)) {
            continue;
        }
        if (row->type != CMP_OPTION_GROUP) {
            add(a, NULL, row->name)->likeness = schema_likeness_of(row, top);
            continue;
        }
        for (const cmp_option *one = row->rows; one->name != NULL; one++) {
            add(a, row->name, one->name)->likeness =
                schema_likeness_of(one, (const char *)top + row->offset);
        }
    }
}

/* ---- what has a name ---- */

static const cmp_option *rows_of(const char *list)
{
    const cmp_option *row = conf_rows;
    while (strcmp(row->name, list) != 0) {
        row++;
    }
    return row->rows;
}

static void add_named(outlining *a, const char *list, const char *name, const void *settings)
{
    likeness_sum *sum = likeness_begin();
    schema_likeness(sum, rows_of(list), settings, true);
    outline_part *part = add(a, list, name);
    part->likeness = likeness_end(&sum);
    part->carried = true;
}

/* By its address: it was carried over, or is another one. */
static void add_instance(outlining *a, const instance *i)
{
    likeness_sum *sum = likeness_begin();
    likeness_octets(sum, &i, sizeof(i));
    outline_part *part = add(a, "plugins", i->name);
    part->likeness = likeness_end(&sum);
    part->carried = true;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const outline_part *)a)->path, ((const outline_part *)b)->path);
}

outline *outline_make(generation *g)
{
    const conf_top *top = &g->conf->top;
    outline *o = kit_arena_calloc(&g->memory, 1, sizeof(*o));
    outlining a = {.o = o, .memory = &g->memory};
    o->parts = kit_arena_calloc(&g->memory,
                                count_settings() + top->listeners.count + top->peers.count +
                                    g->instance_count,
                                sizeof(*o->parts));
    add_settings(&a, top);
    for (size_t i = 0; i < top->listeners.count; i++) {
        const conf_listener *l = (const conf_listener *)top->listeners.at + i;
        add_named(&a, "listeners", l->name, l);
    }
    for (size_t i = 0; i < top->peers.count; i++) {
        const conf_peer *p = (const conf_peer *)top->peers.at + i;
        add_named(&a, "peers", p->name, p);
    }
    for (size_t i = 0; i < g->instance_count; i++) {
        add_instance(&a, g->instances[i]);
    }
    qsort(o->parts, o->count, sizeof(*o->parts), by_path);
    return o;
}

void outline_compare(const outline *before, const outline *after,
                     void (*visit)(const outline_part *part, outline_change change, void *arg),
                     void *arg)
{
    size_t b = 0, a = 0;
    while (b < before->count || a < after->count) {
        const int order = b == before->count  ? 1
                          : a == after->count ? -1
                                              : by_path(&before->parts[b], &after->parts[a]);
        if (order < 0) {
            visit(&before->parts[b++], OUTLINE_REMOVED, arg);
        } else if (order > 0) {
            visit(&after->parts[a++], OUTLINE_ADDED, arg);
        } else {
            const bool same = likeness_equal(&before->parts[b].likeness, &after->parts[a].likeness);
            visit(&after->parts[a], same ? OUTLINE_SAME : OUTLINE_CHANGED, arg);
            a++;
            b++;
        }
    }
}

const outline_part *outline_find(const outline *o, const char *path)
{
    const outline_part wanted = {.path = path};
    return bsearch(&wanted, o->parts, o->count, sizeof(*o->parts), by_path);
}
