/* SPDX-License-Identifier: Apache-2.0 */
/* See schema_walk.h: what is wrong, with its place and its path. */
#include "conf/schema_walk.h"

#include "conf/help.h"

#include <cmp-kit/text.h>

const char *trail_path(const trail *t, kit_arena *memory)
{
    if (t->up == NULL) {
        return t->key;
    }
    const char *up = trail_path(t->up, memory);
    if (t->key == NULL) {
        return kit_arena_printf(memory, "%s[%zu]", up, t->index);
    }
    return kit_arena_printf(memory, "%s%s%s", up, *up != '\0' ? "." : "", t->key);
}

void walk_complain(const walk *w, const trail *t, conf_place place, const char *text)
{
    report_add(w->report, place, trail_path(t, &w->report->memory), "%s", text);
}

/* Of what an operator wrote: enough to find it in the line, not a key or a certificate that was
 * pasted into the wrong place. */
#define SHOWN_MAX 40

/* A secret is recognised by its row, and by its file, where one may stand under any key by
 * mistake. */
static const char *found(const walk *w, const cmp_option *row, struct fy_node *node)
{
    if (yaml_nothing(node)) {
        return "nothing";
    }
    if (!fy_node_is_scalar(node)) {
        return fy_node_is_mapping(node) ? "a mapping" : "a list";
    }
    if (row->type == CMP_OPTION_SECRET || (w->file != NULL && yaml_secret(w->file))) {
        return "another text";
    }
    const cmp_str text = yaml_scalar(node);
    const size_t size = text.size > SHOWN_MAX ? kit_utf8_cut(text.at, SHOWN_MAX) : text.size;
    return kit_arena_printf(&w->report->memory, "the text \"%.*s\"%s", (int)size, text.at,
                            size < text.size ? "…" : "");
}

conf_place walk_place(const walk *w, struct fy_node *node)
{
    return w->file != NULL ? yaml_place(w->file, node) : (conf_place){.line = 0};
}

/* Defaults of a plugin are read when it is loaded, before there is a file. */
const char *walk_folder(const walk *w)
{
    return w->file != NULL ? yaml_folder(w->file) : "/";
}

bool walk_mismatch(const walk *w, const trail *t, const cmp_option *row, struct fy_node *node,
                   const char *hint)
{
    char expected[512];
    schema_expected(row, expected, sizeof(expected));
    walk_complain(w, t, walk_place(w, node),
                  kit_arena_printf(&w->report->memory, "expected %s, found %s%s%s", expected,
                                   found(w, row, node), hint != NULL ? "; " : "",
                                   hint != NULL ? hint : ""));
    return false;
}

bool walk_missing(const walk *w, const trail *t, const cmp_option *row, struct fy_node *section)
{
    char expected[512];
    schema_expected(row, expected, sizeof(expected));
    walk_complain(w, t, walk_place(w, section),
                  kit_arena_printf(&w->report->memory, "missing; expected %s", expected));
    return false;
}
