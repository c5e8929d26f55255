/* Finding one's way in the tree of a file: values by their path, places of nodes. */
#include "conf/yaml.h"

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

/* Marks a node and all below it as coming from `from`. */
static void set_origin(struct fy_node *node, const yaml_file *from)
{
    void *at = NULL;
    if (node == NULL) {
        return;
    }
    fy_node_set_meta(node, (void *)(uintptr_t)from);
    if (fy_node_is_sequence(node)) {
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)) != NULL;) {
            set_origin(item, from);
        }
    } else if (fy_node_is_mapping(node)) {
        for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at)) != NULL;) {
            set_origin(fy_node_pair_key(pair), from);
            set_origin(fy_node_pair_value(pair), from);
        }
    }
}

/* The copy's own marks name lines of its file, but a node does not know which file: so that is hung
 * on as meta data. */
struct fy_node *yaml_adopt(yaml_file *to, const yaml_file *from, struct fy_node *node)
{
    struct fy_node *copy = fy_node_copy(fy_node_document(yaml_root(to)), node);
    set_origin(copy, from);
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

/* The scalar that stands for a node in messages, since only scalars know their place: itself, its
 * key, or the first one inside; failing that, its parent's. */
static struct fy_node *spokesman(struct fy_node *node)
{
    while (node != NULL && !is_written(node)) {
        struct fy_node *parent = fy_node_get_parent(node);
        struct fy_node *key =
            parent != NULL && fy_node_is_mapping(parent) ? key_of(parent, node) : NULL;
        struct fy_node *inner = key != NULL ? key : node;
        while (inner != NULL && !fy_node_is_scalar(inner)) {
            inner = first_child(inner);
        }
        node = is_written(inner) ? inner : parent;
    }
    return node;
}

conf_place yaml_place(const yaml_file *file, struct fy_node *node)
{
    struct fy_node *scalar = spokesman(node);
    /* The key of an adopted value may stand in another file than the value. */
    const yaml_file *origin = scalar != NULL ? fy_node_get_meta(scalar) : NULL;
    const char *name = yaml_name(origin != NULL ? origin : file);
    if (scalar == NULL) {
        return (conf_place){.file = name};
    }
    const struct fy_mark *mark = fy_token_start_mark(fy_node_get_scalar_token(scalar));
    const enum fy_node_style style = fy_node_get_style(scalar);
    /* The mark of a quoted text stands behind the quote. */
    const bool quoted = style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED;
    return (conf_place){name, (unsigned)mark->line + 1, (unsigned)mark->column + (quoted ? 0 : 1)};
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
