/* SPDX-License-Identifier: Apache-2.0 */
/* Joins the files of the included folders into the main file's tree, so that everything after it
 * sees one configuration; nodes keep knowing the file that they came from. */
#include "conf/internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

typedef struct merge {
    yaml_file *to;
    const yaml_file *from;
    kit_arena *memory;
    cmp_report *report;
} merge;

static struct fy_node_pair *find_pair(struct fy_node *mapping, cmp_str key)
{
    void *at = NULL;
    struct fy_node_pair *pair;
    while ((pair = fy_node_mapping_iterate(mapping, &at)) != NULL) {
        const cmp_str name = yaml_scalar(fy_node_pair_key(pair));
        if (name.at != NULL && cmp_str_equal(name, key)) {
            break;
        }
    }
    return pair;
}

static struct fy_node *adopt(const merge *m, struct fy_node *node)
{
    return yaml_adopt(m->to, m->from, node, m->memory);
}

/* Copies, for a node belongs to its file's document. The file stays open all the same: it is what
 * the copies say they are from. */
static void add_pair(const merge *m, struct fy_node *to, struct fy_node_pair *pair)
{
    fy_node_mapping_append(to, adopt(m, fy_node_pair_key(pair)),
                           adopt(m, fy_node_pair_value(pair)));
}

static void append_items(const merge *m, struct fy_node *to, struct fy_node *from)
{
    void *at = NULL;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(from, &at)) != NULL;) {
        fy_node_sequence_append(to, adopt(m, item));
    }
}

static void merge_mappings(const merge *m, const char *path, struct fy_node *to,
                           struct fy_node *from);

/* Two files may add to one section or list, each its own; neither may overrule the other, for then
 * the order of files would decide. A plugin is one thing, and so is given whole by one file. */
static void merge_pair(const merge *m, const char *path, struct fy_node *to,
                       struct fy_node_pair *pair)
{
    const cmp_str key = yaml_scalar(fy_node_pair_key(pair));
    struct fy_node *value = fy_node_pair_value(pair);
    struct fy_node_pair *there = key.at != NULL ? find_pair(to, key) : NULL;
    struct fy_node *old = there != NULL ? fy_node_pair_value(there) : NULL;
    const char *inner = kit_arena_printf(m->memory, "%s%s%.*s", path, *path != '\0' ? "." : "",
                                         (int)key.size, key.at != NULL ? key.at : "");
    const bool top = *path == '\0';
    if (top && cmp_str_equal(key, CMP_STR("include"))) {
        report_add(m->report, yaml_place_pair(m->from, pair), inner,
                   "only the main file may include others");
    } else if (there == NULL) {
        add_pair(m, to, pair);
    } else if (yaml_nothing(value)) {
        /* An empty section adds nothing to one that is there. */
    } else if (yaml_nothing(old)) {
        fy_node_pair_set_value(there, adopt(m, value));
    } else if (fy_node_is_mapping(old) && fy_node_is_mapping(value) &&
               strcmp(path, "plugins") != 0) {
        merge_mappings(m, inner, old, value);
    } else if (fy_node_is_sequence(old) && fy_node_is_sequence(value)) {
        append_items(m, old, value);
    } else {
        const conf_place first = yaml_place_pair(m->to, there);
        report_add(m->report, yaml_place_pair(m->from, pair), inner, "given already at %s:%u:%u",
                   first.file, first.line, first.column);
    }
}

static void merge_mappings(const merge *m, const char *path, struct fy_node *to,
                           struct fy_node *from)
{
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(from, &at)) != NULL;) {
        merge_pair(m, path, to, pair);
    }
}

/* The file is kept until the configuration goes, good or not: places name it. */
static void include_file(conf *c, const char *path, cmp_report *report)
{
    yaml_file *file = yaml_open(path, false, report);
    if (file == NULL) {
        return;
    }
    c->files = kit_realloc(c->files, (c->file_count + 1) * sizeof(yaml_file *));
    c->files[c->file_count++] = file;
    struct fy_node *root = yaml_root(file);
    const merge m = {c->files[0], file, &c->memory, report};
    if (root != NULL && !fy_node_is_mapping(root)) {
        report_add(report, yaml_place(file, root), NULL, "expected a mapping at the top");
    } else if (root != NULL) {
        merge_mappings(&m, "", yaml_root(c->files[0]), root);
    }
}

/* Hidden files, backups and what package managers leave behind (.yaml~, .dpkg-old) are no part of
 * it. */
static int is_included(const struct dirent *entry)
{
    const size_t size = strlen(entry->d_name), suffix = strlen(".yaml");
    return entry->d_name[0] != '.' && size > suffix &&
           strcmp(entry->d_name + size - suffix, ".yaml") == 0;
}

/* Not alphasort, whose order depends on the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* In the order of names, so that lists are the same on every machine. */
static void include_folder(conf *c, struct fy_node *node, const char *key, cmp_report *report)
{
    const char *folder = yaml_path(&c->memory, yaml_folder(c->files[0]), yaml_scalar(node));
    struct dirent **entries = NULL;
    const int count = scandir(folder, &entries, is_included, compare_names);
    if (count < 0) {
        report_add(report, yaml_place(c->files[0], node), key, "the folder %s cannot be read: %s",
                   folder, strerror(errno));
        return;
    }
    for (int i = 0; i < count; i++) {
        include_file(c, yaml_path(&c->memory, folder, cmp_str_from(entries[i]->d_name)), report);
        free(entries[i]);
    }
    free(entries);
}

/* Values of a wrong type are passed over: the row of `include` reports them later. */
void conf_include(conf *c, cmp_report *report)
{
    struct fy_node *node = yaml_value(yaml_root(c->files[0]), CMP_STR("include"));
    if (yaml_nothing(node) || fy_node_is_mapping(node)) {
        return;
    }
    if (fy_node_is_scalar(node)) {
        include_folder(c, node, "include", report);
        return;
    }
    size_t index = 0;
    void *at = NULL;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)) != NULL; index++) {
        if (!yaml_nothing(item) && fy_node_is_scalar(item)) {
            include_folder(c, item, kit_arena_printf(&c->memory, "include[%zu]", index), report);
        }
    }
}
