/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a mapping along its option rows: fills the struct, and says all that is wrong. */
#include "conf/schema.h"

#include "base/names.h"
#include "base/secret.h"
#include "conf/schema_walk.h"
#include "conf/value.h"

#include <stdlib.h>

/* ---- values ---- */

static void set_list(const cmp_option *row, const void *items, size_t count, void *field)
{
    if (row->type == CMP_OPTION_CIDRS) {
        *(cmp_cidrs *)field = (cmp_cidrs){items, count};
    } else if (row->type == CMP_OPTION_STRINGS) {
        *(cmp_strings *)field = (cmp_strings){items, count};
    } else {
        uint64_t set = 0;
        for (size_t i = 0; i < count; i++) {
            set |= UINT64_C(1) << ((const int *)items)[i];
        }
        *(uint64_t *)field = set;
    }
}

/* A list, or one value in place of it. Items that are wrong are left out and reported; the others
 * are kept, so that checks of names can go on. */
static bool fill_list(const walk *w, const trail *t, const cmp_option *row, struct fy_node *node,
                      void *field)
{
    const size_t size = value_size(row->type);
    if (yaml_nothing(node)) {
        return true;
    }
    if (!fy_node_is_sequence(node)) {
        char *item = kit_arena_calloc(w->memory, 1, size);
        const bool good = walk_scalar(w, t, row, node, item);
        set_list(row, item, good, field);
        return good;
    }
    char *items = kit_arena_calloc(w->memory, (size_t)fy_node_sequence_item_count(node), size);
    size_t count = 0, index = 0;
    void *at = NULL;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)) != NULL; index++) {
        const trail inner = {.up = t, .index = index};
        count += walk_scalar(w, &inner, row, item, items + count * size);
    }
    set_list(row, items, count, field);
    return count == index;
}

static bool fill_mapping(const walk *w, const trail *t, const cmp_option *rows,
                         struct fy_node *node, const char *const *others, bool given,
                         char *options);

/* All items, also behind a bad one: their errors are wanted as well. */
static bool fill_rows(const walk *w, const trail *t, const cmp_option *row, struct fy_node *node,
                      cmp_rows *field)
{
    if (yaml_nothing(node)) {
        return true;
    }
    if (!fy_node_is_sequence(node)) {
        return walk_mismatch(w, t, row, node, NULL);
    }
    const size_t count = (size_t)fy_node_sequence_item_count(node);
    char *structs = kit_arena_calloc(w->memory, count, row->row_size);
    bool good = true;
    size_t index = 0;
    void *at = NULL;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)) != NULL; index++) {
        const trail inner = {.up = t, .index = index};
        good &=
            fill_mapping(w, &inner, row->rows, item, NULL, true, structs + index * row->row_size);
    }
    *field = (cmp_rows){structs, count};
    return good;
}

/* JSON knows texts only as keys; others were reported when the file was read. */
static bool fits_json(struct fy_node *node)
{
    void *at = NULL;
    if (node != NULL && fy_node_is_sequence(node)) {
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)) != NULL;) {
            if (!fits_json(item)) {
                return false;
            }
        }
    } else if (node != NULL && fy_node_is_mapping(node)) {
        for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at)) != NULL;) {
            struct fy_node *key = fy_node_pair_key(pair);
            if (key == NULL || !fy_node_is_scalar(key) || !fits_json(fy_node_pair_value(pair))) {
                return false;
            }
        }
    }
    return true;
}

/* As text, for a plugin's header knows no tree of ours. */
static bool fill_raw(const walk *w, const trail *t, const cmp_option *row, struct fy_node *node,
                     const char **field)
{
    const enum fy_emitter_cfg_flags flags =
        FYECF_MODE_JSON_ONELINE | FYECF_WIDTH_INF | FYECF_NO_ENDING_NEWLINE;
    if (!fits_json(node)) {
        return false;
    }
    char *json = fy_emit_node_to_string(node, flags);
    if (json == NULL) {
        return walk_mismatch(w, t, row, node, NULL);
    }
    *field = kit_arena_text(w->memory, cmp_str_from(json));
    free(json);
    return true;
}

static bool fill_field(const walk *w, const trail *t, const cmp_option *row, struct fy_node *node,
                       void *field)
{
    switch (row->type) {
    case CMP_OPTION_GROUP:
        return fill_mapping(w, t, row->rows, node, NULL, true, field);
    case CMP_OPTION_ROWS:
        return fill_rows(w, t, row, node, field);
    case CMP_OPTION_RAW:
        return fill_raw(w, t, row, node, field);
    default:
        return value_listed(row->type) ? fill_list(w, t, row, node, field)
                                       : walk_scalar(w, t, row, node, field);
    }
}

/* A default is written as an operator would write it, so it is read in the same way. */
static bool parse_fallback(const walk *w, const trail *t, const cmp_option *row, void *field)
{
    const char *hint;
    if (value_size(row->type) != 0 && !value_listed(row->type)) {
        return value_parse(row, cmp_str_from(row->fallback), walk_folder(w), w->memory, field,
                           &hint);
    }
    const struct fy_parse_cfg config = {.flags = FYPCF_QUIET};
    struct fy_document *document =
        fy_document_build_from_string(&config, row->fallback, strlen(row->fallback));
    struct fy_node *node = document != NULL ? fy_document_root(document) : NULL;
    const bool good = node != NULL && fill_field(w, t, row, node, field);
    fy_document_destroy(document);
    return good;
}

static bool fill_fallback(const walk *w, const trail *t, const cmp_option *row, void *field)
{
    /* The places in it are none of the operator's file. */
    cmp_report scratch;
    report_init(&scratch);
    const walk inner = {w->file, w->memory, &scratch};
    const bool good = parse_fallback(&inner, t, row, field);
    report_dispose(&scratch);
    if (!good) {
        walk_complain(w, t, (conf_place){.file = yaml_name(w->file)},
                      kit_arena_printf(&w->report->memory, "its built-in default is wrong: %s",
                                       row->fallback));
    }
    return good;
}

bool schema_default_good(const cmp_option *row)
{
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    cmp_report unread;
    report_init(&unread);
    const walk w = {.memory = &memory, .report = &unread};
    const trail top = {.key = row->name};
    void *field = kit_arena_calloc(&memory, 1, schema_field_size(row));
    const bool good = parse_fallback(&w, &top, row, field);
    report_dispose(&unread);
    kit_arena_reset(&memory);
    return good;
}

/* ---- mappings ---- */

size_t schema_field_size(const cmp_option *row)
{
    switch (row->type) {
    case CMP_OPTION_CIDRS:
        return sizeof(cmp_cidrs);
    case CMP_OPTION_STRINGS:
        return sizeof(cmp_strings);
    case CMP_OPTION_ENUMS:
        return sizeof(uint64_t);
    case CMP_OPTION_ROWS:
        return sizeof(cmp_rows);
    case CMP_OPTION_RAW:
        return sizeof(const char *);
    default:
        return value_size(row->type);
    }
}

/* Row by row: a struct may have members that rows do not fill, and which are its owner's. */
static void clear(const cmp_option *rows, char *options)
{
    for (const cmp_option *row = rows; row->name != NULL; row++) {
        if (row->type == CMP_OPTION_GROUP) {
            clear(row->rows, options + row->offset);
        } else {
            memset(options + row->offset, 0, schema_field_size(row));
        }
    }
}

static bool is_file_of(const cmp_option *row, cmp_str key)
{
    const size_t size = strlen(row->name), suffix = sizeof(SECRET_FILE_SUFFIX) - 1;
    return row->type == CMP_OPTION_SECRET && key.size == size + suffix &&
           memcmp(key.at, row->name, size) == 0 &&
           memcmp(key.at + size, SECRET_FILE_SUFFIX, suffix) == 0;
}

static struct fy_node *file_value(const cmp_option *row, struct fy_node *section, kit_arena *a)
{
    return row->type == CMP_OPTION_SECRET
               ? yaml_value(section,
                            cmp_str_from(kit_arena_printf(a, "%s" SECRET_FILE_SUFFIX, row->name)))
               : NULL;
}

/* All names that a mapping may have, ended by NULL. */
static const char *const *known_names(const cmp_option *rows, const char *const *others,
                                      kit_arena *a)
{
    size_t count = 0;
    for (const cmp_option *row = rows; row->name != NULL; row++) {
        count++;
    }
    for (size_t i = 0; others != NULL && others[i] != NULL; i++) {
        count++;
    }
    const char **names = kit_arena_calloc(a, count + 1, sizeof(*names));
    const char **to = names;
    for (const cmp_option *row = rows; row->name != NULL; row++) {
        *to++ = row->name;
    }
    for (size_t i = 0; others != NULL && others[i] != NULL; i++) {
        *to++ = others[i];
    }
    return names;
}

static void unknown_key(const walk *w, const trail *t, conf_place place, cmp_str key,
                        const char *const *known)
{
    kit_arena *a = &w->report->memory;
    const trail inner = {.up = t, .key = kit_arena_text(a, key)};
    const char *near = name_nearest(key, known);
    if (near != NULL) {
        walk_complain(w, &inner, place,
                      kit_arena_printf(a, "unknown key; did you mean \"%s\"?", near));
        return;
    }
    const char *list = known[0] != NULL ? known[0] : "nothing";
    for (size_t i = 1; known[0] != NULL && known[i] != NULL; i++) {
        list = kit_arena_printf(a, "%s, %s", list, known[i]);
    }
    walk_complain(w, &inner, place, kit_arena_printf(a, "unknown key; known here: %s", list));
}

static bool is_known(const cmp_option *rows, const char *const *others, cmp_str key)
{
    for (const cmp_option *row = rows; row->name != NULL; row++) {
        if (cmp_str_equal(key, cmp_str_from(row->name)) || is_file_of(row, key)) {
            return true;
        }
    }
    for (; others != NULL && *others != NULL; others++) {
        if (cmp_str_equal(key, cmp_str_from(*others))) {
            return true;
        }
    }
    return false;
}

static bool check_keys(const walk *w, const trail *t, const cmp_option *rows, struct fy_node *node,
                       const char *const *others)
{
    bool good = true;
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at)) != NULL;) {
        const cmp_str key = yaml_scalar(fy_node_pair_key(pair));
        if (key.size == 0) {
            good = false; /* reported when the file was read */
        } else if (!is_known(rows, others, key)) {
            unknown_key(w, t, yaml_place_pair(w->file, pair), key,
                        known_names(rows, others, &w->report->memory));
            good = false;
        }
    }
    return good;
}

/* `given`: the section stands in the file, so what it must hold has to be there. */
static bool fill_mapping(const walk *w, const trail *t, const cmp_option *rows,
                         struct fy_node *node, const char *const *others, bool given, char *options)
{
    bool good = true;
    if (yaml_nothing(node)) {
        /* An empty section. */
    } else if (fy_node_is_mapping(node)) {
        good = check_keys(w, t, rows, node, others);
    } else {
        good = walk_mismatch(w, t, &(cmp_option){.type = CMP_OPTION_GROUP}, node, NULL);
        given = false;
    }
    for (const cmp_option *row = rows; row->name != NULL; row++) {
        const trail inner = {.up = t, .key = row->name};
        struct fy_node *value = yaml_value(node, cmp_str_from(row->name));
        void *field = options + row->offset;
        struct fy_node *in_file = file_value(row, node, &w->report->memory);
        if (value != NULL && in_file != NULL) {
            walk_complain(w, &inner, walk_place(w, value),
                          kit_arena_printf(&w->report->memory, "it and %s_file exclude each other",
                                           row->name));
            good = false;
        } else if (value != NULL) {
            good &= fill_field(w, &inner, row, value, field);
        } else if (in_file != NULL) {
            good &= walk_secret_file(w, t, row, in_file, field);
        } else if (given && (row->flags & CMP_OPTION_REQUIRED) != 0) {
            good = walk_missing(w, &inner, row, node);
        } else if (row->type == CMP_OPTION_GROUP) {
            good &= fill_mapping(w, &inner, row->rows, NULL, NULL, false, field);
        } else if (row->fallback != NULL) {
            good &= fill_fallback(w, &inner, row, field);
        }
    }
    return good;
}

bool schema_fill(const cmp_option *rows, const yaml_file *file, struct fy_node *node,
                 const char *path, const char *const *others, kit_arena *memory, void *options,
                 cmp_report *report)
{
    const walk w = {.file = file, .memory = memory, .report = report};
    const trail top = {.key = path};
    clear(rows, options);
    return fill_mapping(&w, &top, rows, node, others, true, options);
}

void schema_wipe(const cmp_option *rows, void *options)
{
    for (const cmp_option *row = rows; row->name != NULL; row++) {
        char *field = (char *)options + row->offset;
        if (row->type == CMP_OPTION_GROUP) {
            schema_wipe(row->rows, field);
        } else if (row->type == CMP_OPTION_ROWS) {
            const cmp_rows *list = (const cmp_rows *)field;
            for (size_t i = 0; i < list->count; i++) {
                schema_wipe(row->rows, (char *)(uintptr_t)list->at + i * row->row_size);
            }
        } else if (row->type == CMP_OPTION_SECRET && *(char **)field != NULL) {
            secret_wipe(*(char **)field, strlen(*(char **)field));
        }
    }
}
