/* SPDX-License-Identifier: Apache-2.0 */
/* See unreadable.h. */
#include "daemon/unreadable.h"

#include "daemon/somebody.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct named {
    const char *path, *key; /* key: NULL for a file of the configuration itself */
} named;

typedef struct files {
    kit_arena memory;
    named *at;
    size_t count, room;
} files;

/* ---- what is read ---- */

/* What is no file, or is not there, belongs to others. */
static void add(files *f, const char *path, const char *key)
{
    struct stat status;
    if (path == NULL || stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        return;
    }
    if (f->count == f->room) {
        f->room = f->room != 0 ? 2 * f->room : 64;
        f->at = kit_realloc(f->at, f->room * sizeof(*f->at));
    }
    f->at[f->count++] = (named){path, key};
}

static void add_of(files *f, const cmp_option *rows, const void *options, const char *before);

static void add_rows(files *f, const cmp_option *row, const cmp_rows *list, const char *key)
{
    for (size_t i = 0; i < list->count; i++) {
        add_of(f, row->rows, (const char *)list->at + i * row->row_size,
               kit_arena_printf(&f->memory, "%s[%zu].", key, i));
    }
}

static void add_of(files *f, const cmp_option *rows, const void *options, const char *before)
{
    for (const cmp_option *row = rows; row != NULL && row->name != NULL; row++) {
        const void *field = (const char *)options + row->offset;
        const char *key = kit_arena_printf(&f->memory, "%s%s", before, row->name);
        switch (row->type) {
        case CMP_OPTION_PATH:
            add(f, *(const char *const *)field, key);
            break;
        case CMP_OPTION_GROUP:
            add_of(f, row->rows, field, kit_arena_printf(&f->memory, "%s.", key));
            break;
        case CMP_OPTION_ROWS:
            add_rows(f, row, field, key);
            break;
        default:
            break;
        }
    }
}

static int by_path(const void *a, const void *b)
{
    const named *x = a, *y = b;
    const int order = strcmp(x->path, y->path);
    return order != 0 ? order : strcmp(x->key != NULL ? x->key : "", y->key != NULL ? y->key : "");
}

/* Each once, however many peers have it. */
static void collect(files *f, const generation *g)
{
    for (size_t i = 0; i < g->conf->file_count; i++) {
        add(f, yaml_name(g->conf->files[i]), NULL);
    }
    add_of(f, conf_rows, &g->conf->top, "");
    for (size_t i = 0; i < g->instance_count; i++) {
        add_of(f, g->instances[i]->rows, g->instances[i]->options,
               kit_arena_printf(&f->memory, "plugins.%s.", g->instances[i]->name));
    }
    qsort(f->at, f->count, sizeof(*f->at), by_path);
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (kept == 0 || strcmp(f->at[kept - 1].path, f->at[i].path) != 0) {
            f->at[kept++] = f->at[i];
        }
    }
    f->count = kept;
}

/* ---- who can read it ---- */

/* Only what may be done between fork and exec. */
static _Noreturn void try_all(const files *f, const somebody *s, int to)
{
    if (!somebody_become(s)) {
        _exit(1);
    }
    for (size_t i = 0; i < f->count; i++) {
        const char readable = access(f->at[i].path, R_OK) == 0;
        if (write(to, &readable, 1) != 1) {
            _exit(1);
        }
    }
    _exit(0);
}

static void warn(const generation *g, const named *n, const char *user, cmp_report *report)
{
    const conf_place place =
        n->key != NULL ? conf_place_of(g->conf, n->key) : (conf_place){.file = n->path};
    report_warn(report, place, n->key,
                "the user %s cannot read %s: what changes in it later is taken by a start as root "
                "only; let that user read it (as by chown %s %s) and enter its folder",
                user, n->path, user, n->path);
}

void unreadable_warn(const generation *g, cmp_report *report)
{
    const conf_top *top = &g->conf->top;
    somebody s;
    int ends[2];
    if (!somebody_find(g->conf, &s) || pipe(ends) != 0) {
        return;
    }
    files f = {.count = 0};
    kit_arena_init(&f.memory, NULL, 0);
    collect(&f, g);
    const pid_t child = fork();
    if (child == 0) {
        try_all(&f, &s, ends[1]);
    }
    close(ends[1]);
    char readable;
    for (size_t i = 0; child > 0 && i < f.count && read(ends[0], &readable, 1) == 1; i++) {
        if (!readable) {
            warn(g, &f.at[i], top->user, report);
        }
    }
    close(ends[0]);
    if (child > 0) {
        waitpid(child, NULL, 0);
    }
    free(f.at);
    kit_arena_reset(&f.memory);
}
