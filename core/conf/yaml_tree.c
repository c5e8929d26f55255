/* SPDX-License-Identifier: Apache-2.0 */
/* Finding one's way in the tree of a file: values by their path, places of nodes. */
#include "conf/yaml.h"
#include "conf/yaml_parse.h"

#include <stdlib.h>

const char *yaml_path(kit_arena *memory, const char *folder, cmp_str path)
{
    if ((path.size > 0 && path.at[0] == '/') || strcmp(folder, ".") == 0) {
        return kit_arena_text(memory, path);
    }
    const char *between = strcmp(folder, "/") == 0 ? "" : "/";
    return kit_arena_printf(memory, "%s%s%.*s", folder, between, (int)path.size, path.at);
}

cmp_str yaml_scalar(struct fy_node *node)
{
    if (node == NULL || !fy_node_is_scalar(node)) {
        return CMP_NONE;
    }
    size_t size = 0;
    const char *text = fy_node_get_scalar(node, &size);
    return text != NULL ? (cmp_str){text, size} : CMP_STR("");
}

/* A quoted "null" or "~" is a text. The words are those of YAML's core schema that people write. */
bool yaml_nothing(struct fy_node *node)
{
    if (node == NULL) {
        return true;
    }
    if (!fy_node_is_scalar(node) || fy_node_get_style(node) != FYNS_PLAIN) {
        return false;
    }
    const cmp_str text = yaml_scalar(node);
    return text.size == 0 || cmp_str_equal(text, CMP_STR("~")) ||
           cmp_str_equal(text, CMP_STR("null"));
}

struct fy_node *yaml_value(struct fy_node *mapping, cmp_str key)
{
    void *at = NULL;
    if (mapping == NULL || !fy_node_is_mapping(mapping)) {
        return NULL;
    }
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(mapping, &at)) != NULL;) {
        if (cmp_str_equal(yaml_scalar(fy_node_pair_key(pair)), key)) {
            return fy_node_pair_value(pair);
        }
    }
    return NULL;
}

/* ---- places ---- */

/* What an adopted node is a copy of; hung on as meta data. */
typedef struct origin {
    const yaml_file *file;
    struct fy_node *node;
} origin;

/* Both are walked side by side. */
static void set_origin(kit_arena *memory, struct fy_node *copy, const yaml_file *from,
                       struct fy_node *node)
{
    void *at = NULL, *copy_at = NULL;
    if (copy == NULL || node == NULL) {
        return;
    }
    origin *o = kit_arena_alloc(memory, sizeof(*o));
    *o = (origin){from, node};
    fy_node_set_meta(copy, o);
    if (fy_node_is_sequence(node)) {
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)) != NULL;) {
            set_origin(memory, fy_node_sequence_iterate(copy, &copy_at), from, item);
        }
    } else if (fy_node_is_mapping(node)) {
        for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at)) != NULL;) {
            struct fy_node_pair *copied = fy_node_mapping_iterate(copy, &copy_at);
            set_origin(memory, fy_node_pair_key(copied), from, fy_node_pair_key(pair));
            set_origin(memory, fy_node_pair_value(copied), from, fy_node_pair_value(pair));
        }
    }
}

struct fy_node *yaml_adopt(yaml_file *to, const yaml_file *from, struct fy_node *node,
                           kit_arena *memory)
{
    struct fy_node *copy = fy_node_copy(fy_node_document(yaml_root(to)), node);
    set_origin(memory, copy, from, node);
    return copy;
}

static struct fy_node *first_child(struct fy_node *node)
{
    void *at = NULL;
    if (fy_node_is_sequence(node)) {
        return fy_node_sequence_iterate(node, &at);
    }
    struct fy_node_pair *pair =
        fy_node_is_mapping(node) ? fy_node_mapping_iterate(node, &at) : NULL;
    return pair != NULL ? fy_node_pair_key(pair) : NULL;
}

/* libfyaml knows a node's parent, but not which pair it is in. */
static struct fy_node *key_of(struct fy_node *mapping, struct fy_node *value)
{
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(mapping, &at)) != NULL;) {
        if (fy_node_pair_value(pair) == value) {
            return fy_node_pair_key(pair);
        }
    }
    return NULL;
}

/* An empty value that was never written has no token, and so no place. */
static bool is_written(struct fy_node *node)
{
    return node != NULL && fy_node_is_scalar(node) && fy_node_get_scalar_token(node) != NULL;
}

/* The scalar that stands for a node in messages, since an operator looks for a name: itself, its
 * key, or the first one inside. */
static struct fy_node *spokesman(struct fy_node *node)
{
    if (is_written(node)) {
        return node;
    }
    struct fy_node *parent = fy_node_get_parent(node);
    struct fy_node *key =
        parent != NULL && fy_node_is_mapping(parent) ? key_of(parent, node) : NULL;
    struct fy_node *inner = key != NULL ? key : node;
    while (inner != NULL && !fy_node_is_scalar(inner)) {
        inner = first_child(inner);
    }
    return is_written(inner) ? inner : NULL;
}

static conf_place place_of_scalar(const char *name, struct fy_node *scalar)
{
    const struct fy_mark *mark = fy_token_start_mark(fy_node_get_scalar_token(scalar));
    const enum fy_node_style style = fy_node_get_style(scalar);
    /* The mark of a quoted text stands behind the quote. */
    const bool quoted = style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED;
    return (conf_place){name, (unsigned)mark->line + 1, (unsigned)mark->column + (quoted ? 0 : 1)};
}

/* Failing the node's own place its parents' are tried. A copy stands where its original does: the
 * keys above it may be another file's. */
conf_place yaml_place(const yaml_file *file, struct fy_node *node)
{
    const origin *o = node != NULL ? fy_node_get_meta(node) : NULL;
    if (o != NULL) {
        return yaml_place(o->file, o->node);
    }
    conf_place place = {yaml_name(file), 1, 1};
    for (; node != NULL; node = fy_node_get_parent(node)) {
        struct fy_node *scalar = spokesman(node);
        if (scalar != NULL) {
            return place_of_scalar(place.file, scalar);
        }
        if (yaml_mark(node, &place.line, &place.column)) {
            break;
        }
    }
    return place;
}

conf_place yaml_place_pair(const yaml_file *file, struct fy_node_pair *pair)
{
    return yaml_place(file, fy_node_pair_key(pair));
}

/* ---- paths ---- */

/* One step down a mapping: the longest key that heads the path, since names may hold dots. */
static struct fy_node *step_key(struct fy_node *mapping, const char **path)
{
    struct fy_node *found = NULL;
    const size_t size = strlen(*path);
    size_t found_size = 0;
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(mapping, &at)) != NULL;) {
        const cmp_str key = yaml_scalar(fy_node_pair_key(pair));
        if (key.size > found_size && key.size <= size && memcmp(*path, key.at, key.size) == 0 &&
            strchr(".[", (*path)[key.size]) != NULL) {
            found = fy_node_pair_value(pair);
            found_size = key.size;
        }
    }
    *path += found_size;
    return found;
}

static struct fy_node *step_index(struct fy_node *list, const char **path)
{
    char *end;
    const unsigned long index = strtoul(*path + 1, &end, 10);
    if (end == *path + 1 || *end != ']' || index > INT32_MAX) {
        return NULL;
    }
    *path = end + 1;
    return fy_node_sequence_get_by_index(list, (int)index);
}

struct fy_node *yaml_find(const yaml_file *file, const char *path, bool nearest)
{
    struct fy_node *node = yaml_root(file);
    while (node != NULL && *path != '\0') {
        path += *path == '.';
        struct fy_node *next = NULL;
        if (*path == '[' && fy_node_is_sequence(node)) {
            next = step_index(node, &path);
        } else if (fy_node_is_mapping(node)) {
            next = step_key(node, &path);
        }
        if (next == NULL) {
            return nearest ? node : NULL;
        }
        node = next;
    }
    return node;
}

conf_place yaml_place_of(const yaml_file *file, const char *path)
{
    return yaml_place(file, yaml_find(file, path, true));
}
