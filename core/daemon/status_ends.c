/* SPDX-License-Identifier: Apache-2.0 */
/* See status_ends.h. */
#include "daemon/status_ends.h"

#include "daemon/endings.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

typedef struct end {
    const char *kind, *of, *name, *path;
    const cmp_key *key; /* NULL: a file */
    int64_t end_ms;
    size_t order;
} end;

typedef struct end_list {
    end *at;
    size_t count, room;
} end_list;

static void add(end_list *l, const end *e)
{
    if (l->count == l->room) {
        l->room = l->room != 0 ? 2 * l->room : 64;
        l->at = kit_realloc(l->at, l->room * sizeof(*l->at));
    }
    l->at[l->count] = *e;
    l->at[l->count].order = l->count;
    l->count++;
}

static void add_file(const ending *f, void *arg)
{
    add(arg, &(end){.kind = ending_names[f->kind],
                    .of = f->of,
                    .name = f->name,
                    .path = f->path,
                    .end_ms = f->end_s * 1000});
}

static void add_key(const cmp_key *key, void *arg)
{
    if (key->not_after_ms != INT64_MAX) {
        add(arg, &(end){.kind = "key", .of = "peer", .key = key, .end_ms = key->not_after_ms});
    }
}

static int compare(const void *left, const void *right)
{
    const end *a = left, *b = right;
    return a->end_ms != b->end_ms ? (a->end_ms > b->end_ms) - (a->end_ms < b->end_ms)
                                  : (a->order > b->order) - (a->order < b->order);
}

/* Whether it is the file of one before: those that end at one moment stand together. */
static bool is_repeated(const end_list *l, size_t at)
{
    const end *e = &l->at[at];
    for (size_t i = at; e->path != NULL && i-- > 0 && l->at[i].end_ms == e->end_ms;) {
        if (l->at[i].path != NULL && l->at[i].kind == e->kind &&
            strcmp(l->at[i].path, e->path) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *made_of(const end *e)
{
    json_t *made =
        json_pack("{s:s, s:s, s:I}", "kind", e->kind, "of", e->of, "end_ms", (json_int_t)e->end_ms);
    if (e->key != NULL) {
        json_object_set_new(made, "name", json_stringn(e->key->peer.at, e->key->peer.size));
        json_object_set_new(made, "id", json_stringn(e->key->id.at, e->key->id.size));
    } else {
        json_object_set_new(made, "name", json_string(e->name));
        json_object_set_new(made, "file", json_string(e->path));
    }
    return made;
}

json_t *status_ends(const generation *g)
{
    end_list l = {.at = NULL};
    json_t *all = json_array();
    endings_each(&g->conf->top, add_file, &l);
    if (g->keyring != NULL) {
        keyring_each(g->keyring, CMP_KEY_ISSUED, add_key, &l);
        keyring_each(g->keyring, CMP_KEY_RECEIVED, add_key, &l);
    }
    if (l.count > 0) {
        qsort(l.at, l.count, sizeof(*l.at), compare);
    }
    for (size_t i = 0; i < l.count && json_array_size(all) < STATUS_ENDS; i++) {
        if (!is_repeated(&l, i)) {
            json_array_append_new(all, made_of(&l.at[i]));
        }
    }
    free(l.at);
    return all;
}
