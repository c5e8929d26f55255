/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics_files.h. A file of CAs may be large, and a thousand peers may name it: it is read
 * when it has changed, and once for all that stand behind each other. */
#include "daemon/metrics_files.h"

#include "base/clock.h"
#include "daemon/validity.h"

#include <cmp-kit/file.h>
#include <cmp-kit/memory.h>

#include <stdlib.h>

#define LOOK_AGAIN_MS 10000

typedef enum ending {
    ENDING_CERTIFICATE,
    ENDING_CA,
    ENDING_CRL,
} ending;

/* One file that somebody has. */
typedef struct ending_file {
    ending what;
    const char *of, *name; /* "listener", and its name; the configuration's */
    const char *path;
} ending_file;

/* What was found in a file, by its place in the configuration's order. */
typedef struct seen {
    char *path;
    ending what;
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

static int64_t end_of(const ending_file *f, size_t at)
{
    seen *s = &memory[at];
    const bool other = s->path == NULL || s->what != f->what || strcmp(s->path, f->path) != 0;
    const uint64_t now_ms = clock_monotonic_ms();
    if (!other && now_ms < s->looked_ms + LOOK_AGAIN_MS) {
        return s->end_s;
    }
    const kit_file_mark mark = kit_file_mark_of(f->path);
    const bool changed = other || !kit_file_mark_equal(&mark, &s->mark);
    if (other) {
        free(s->path);
        s->path = kit_strdup(f->path);
        s->what = f->what;
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
    ending_file *at;
    size_t count;
} file_list;

static void add(file_list *l, ending what, const char *of, const char *name, const char *path)
{
    if (path != NULL) {
        l->at[l->count++] = (ending_file){what, of, name, path};
    }
}

static file_list files_of(const conf_top *top)
{
    file_list l = {
        .at = kit_calloc(3 * (top->listeners.count + top->peers.count) + 1, sizeof(*l.at))};
    for (size_t i = 0; i < top->listeners.count; i++) {
        const conf_listener *c = (const conf_listener *)top->listeners.at + i;
        add(&l, ENDING_CERTIFICATE, "listener", c->name, c->tls.certificate);
        add(&l, ENDING_CA, "listener", c->name, c->tls.client_ca);
        add(&l, ENDING_CRL, "listener", c->name, c->tls.client_crl);
    }
    for (ending what = ENDING_CERTIFICATE; what <= ENDING_CRL; what++) {
        for (size_t i = 0; i < top->peers.count; i++) { /* one of many peers stands by itself */
            const conf_peer *c = (const conf_peer *)top->peers.at + i;
            add(&l, what, "peer", c->name,
                what == ENDING_CERTIFICATE ? c->tls.certificate
                : what == ENDING_CA        ? c->tls.ca
                                           : c->tls.crl);
        }
    }
    if (l.count > memory_count) {
        memory = kit_realloc(memory, l.count * sizeof(*memory));
        memset(memory + memory_count, 0, (l.count - memory_count) * sizeof(*memory));
        memory_count = l.count;
    }
    return l;
}

static void expose(exposition *e, const file_list *l, bool crls)
{
    static const char *const kinds[] = {
        [ENDING_CERTIFICATE] = "certificate", [ENDING_CA] = "ca", [ENDING_CRL] = NULL};
    const int64_t now_s = clock_now_ms() / 1000;
    for (size_t i = 0; i < l->count; i++) {
        const ending_file *f = &l->at[i];
        if ((f->what == ENDING_CRL) != crls) {
            continue;
        }
        const int64_t end_s = end_of(f, i);
        if (end_s != INT64_MAX) {
            const exposition_label labels[] = {{"of", f->of},
                                               {"name", f->name},
                                               {"kind", kinds[f->what]},
                                               {"file", f->path}};
            exposition_labels(e, labels, 4);
            exposition_number(e, (double)(end_s - now_s));
        }
    }
}

void metrics_expose_files(exposition *e, const generation *g)
{
    file_list l = files_of(&g->conf->top);
    exposition_family(e, METRIC_GAUGE, "cmpd_certificate_left_seconds", "seconds",
                      "How long the certificates of a file are still valid; less than 0: they are "
                      "over");
    expose(e, &l, false);
    exposition_family(e, METRIC_GAUGE, "cmpd_crl_left_seconds", "seconds",
                      "How long it is until a revocation list should be followed by the next; less "
                      "than 0: it is too old");
    expose(e, &l, true);
    free(l.at);
}
