/* SPDX-License-Identifier: Apache-2.0 */
/* See endings.h. A file of CAs may be large, and a thousand peers may name it: it is read
 * when it has changed, and once for all that stand behind each other. */
#include "daemon/endings.h"

#include "base/clock.h"
#include "daemon/validity.h"
#include "outbound/outbound.h"

#include <cmp-kit/file.h>
#include <cmp-kit/memory.h>

#include <stdlib.h>

#define LOOK_AGAIN_MS 10000

const char *const ending_names[] = {
    [ENDING_CERTIFICATE] = "certificate", [ENDING_CA] = "ca", [ENDING_CRL] = "crl"};

/* What was found in a file, by its place in the configuration's order. */
typedef struct seen {
    char *path;
    ending_kind what;
    kit_file_mark mark;
    int64_t end_s; /* INT64_MAX: it does not end, or cannot be read */
    uint64_t looked_ms;
} seen;

static seen *memory; /* the control thread's, for life */
static size_t memory_count;

static void read_file(seen *s)
{
    s->end_s = s->what == ENDING_CRL ? validity_of_crl(s->path)
                                     : validity_of(s->path, s->what == ENDING_CA).end_s;
}

static bool is_same_file(const seen *a, const seen *b)
{
    return a->what == b->what && strcmp(a->path, b->path) == 0 &&
           kit_file_mark_equal(&a->mark, &b->mark);
}

static int64_t end_of(const ending *f, size_t at)
{
    seen *s = &memory[at];
    const bool other = s->path == NULL || s->what != f->kind || strcmp(s->path, f->path) != 0;
    const uint64_t now_ms = clock_monotonic_ms();
    if (!other && now_ms < s->looked_ms + LOOK_AGAIN_MS) {
        return s->end_s;
    }
    const kit_file_mark mark = kit_file_mark_of(f->path);
    const bool changed = other || !kit_file_mark_equal(&mark, &s->mark);
    if (other) {
        free(s->path);
        s->path = kit_strdup(f->path);
        s->what = f->kind;
    }
    s->mark = mark;
    s->looked_ms = now_ms;
    if (changed && at > 0 && is_same_file(&memory[at - 1], s)) {
        s->end_s = memory[at - 1].end_s;
    } else if (changed) {
        read_file(s);
    }
    return s->end_s;
}

/* ---- all files of a configuration ---- */

typedef struct file_list {
    ending *at;
    size_t count, room;
} file_list;

static void add(file_list *l, ending_kind kind, const char *of, const char *name, const char *path)
{
    if (path == NULL) {
        return;
    }
    if (l->count == l->room) {
        l->room = l->room != 0 ? 2 * l->room : 64;
        l->at = kit_realloc(l->at, l->room * sizeof(*l->at));
    }
    l->at[l->count++] = (ending){.kind = kind, .of = of, .name = name, .path = path};
}

static void add_listeners(file_list *l, const conf_top *top)
{
    for (size_t i = 0; i < top->listeners.count; i++) {
        const conf_listener *c = (const conf_listener *)top->listeners.at + i;
        add(l, ENDING_CERTIFICATE, "listener", c->name, c->tls.certificate);
        add(l, ENDING_CA, "listener", c->name, c->tls.client_ca);
        add(l, ENDING_CRL, "listener", c->name, c->tls.client_crl);
    }
}

static void add_peers(file_list *l, const conf_top *top)
{
    for (ending_kind kind = ENDING_CERTIFICATE; kind <= ENDING_CRL; kind++) {
        for (size_t i = 0; i < top->peers.count; i++) { /* one of many peers stands by itself */
            const conf_peer *c = (const conf_peer *)top->peers.at + i;
            add(l, kind, "peer", c->name,
                kind == ENDING_CERTIFICATE ? c->tls.certificate
                : kind == ENDING_CA        ? c->tls.ca
                                           : c->tls.crl);
        }
    }
}

/* Once, however many servers an instance asks with it. */
static void add_of_plugin(file_list *l, ending_kind kind, const char *name, const char *path)
{
    for (size_t i = l->count; path != NULL && i-- > 0 && strcmp(l->at[i].of, "plugin") == 0;) {
        const ending *e = &l->at[i];
        if (e->kind == kind && strcmp(e->name, name) == 0 && strcmp(e->path, path) == 0) {
            return;
        }
    }
    add(l, kind, "plugin", name, path);
}

static void add_origin(origin *o, void *arg)
{
    if (origin_of_plugin(o)) {
        add_of_plugin(arg, ENDING_CERTIFICATE, origin_name(o), origin_certificate(o));
        add_of_plugin(arg, ENDING_CA, origin_name(o), origin_ca(o));
        add_of_plugin(arg, ENDING_CRL, origin_name(o), origin_crl(o));
    }
}

static file_list files_of(const conf_top *top)
{
    file_list l = {.at = NULL};
    add_listeners(&l, top);
    add_peers(&l, top);
    origins_each(add_origin, &l);
    if (l.count > memory_count) {
        memory = kit_realloc(memory, l.count * sizeof(*memory));
        memset(memory + memory_count, 0, (l.count - memory_count) * sizeof(*memory));
        memory_count = l.count;
    }
    return l;
}

void endings_each(const conf_top *top, void (*visit)(const ending *e, void *arg), void *arg)
{
    file_list l = files_of(top);
    for (size_t i = 0; i < l.count; i++) {
        ending *f = &l.at[i];
        f->end_s = end_of(f, i);
        if (f->end_s != INT64_MAX) {
            visit(f, arg);
        }
    }
    free(l.at);
}
