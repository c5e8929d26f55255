/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the configuration: files to one tree, the tree to structs, then the checks. */
#include "conf/internal.h"

#include <stdlib.h>

bool conf_name_valid(cmp_str name)
{
    static const char others[] = "._-";
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.at[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool digit = c >= '0' && c <= '9';
        if (!letter && !digit && memchr(others, c, sizeof(others) - 1) == NULL) {
            return false;
        }
    }
    return name.size >= 1 && name.size <= 64;
}

/* ---- plugins: <name>: {use: …}; their own rows check the rest, once they are loaded ---- */

/* A plugin's name is part of a file's name, so it holds no slash and no dot. */
static bool use_valid(cmp_str use)
{
    return conf_name_valid(use) && memchr(use.at, '.', use.size) == NULL;
}

/* Not by rows: its other keys belong to a plugin that is not loaded yet, and may never be (cmpctl
 * reads a configuration for one of its stores). */
static void read_plugin(conf *c, conf_plugin *p, cmp_report *report)
{
    p->path = kit_arena_printf(&c->memory, "plugins.%s", p->name);
    const char *key = kit_arena_printf(&c->memory, "%s.use", p->path);
    const conf_place place = conf_place_of(c, p->path);
    if (!conf_name_valid(cmp_str_from(p->name))) {
        report_add(report, place, p->path, CONF_NAME_EXPECTED);
    }
    if (!yaml_nothing(p->node) && !fy_node_is_mapping(p->node)) {
        report_add(report, place, p->path, "expected a mapping with the key \"use\"");
        return;
    }
    struct fy_node *use = yaml_value(p->node, CMP_STR("use"));
    if (use == NULL) {
        report_add(report, place, key, "missing; expected the name of a plugin");
    } else if (yaml_nothing(use) || !use_valid(yaml_scalar(use))) {
        report_add(report, yaml_place(p->file, use), key,
                   "expected the name of a plugin, of letters, digits, hyphens and underscores");
    } else {
        p->use = kit_arena_text(&c->memory, yaml_scalar(use));
    }
}

static void read_plugins(conf *c, cmp_report *report)
{
    struct fy_node *node = yaml_value(yaml_root(c->files[0]), CMP_STR("plugins"));
    if (yaml_nothing(node)) {
        return;
    }
    if (!fy_node_is_mapping(node)) {
        report_add(report, yaml_place(c->files[0], node), "plugins",
                   "expected a mapping from names to plugins");
        return;
    }
    c->plugins =
        kit_arena_calloc(&c->memory, (size_t)fy_node_mapping_item_count(node), sizeof(*c->plugins));
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at)) != NULL;) {
        const cmp_str name = yaml_scalar(fy_node_pair_key(pair));
        if (name.size == 0) {
            continue; /* reported when the file was read */
        }
        if (memchr(name.at, '\0', name.size) != NULL) {
            report_add(report, yaml_place_pair(c->files[0], pair), "plugins", CONF_NAME_EXPECTED);
            continue;
        }
        conf_plugin *p = &c->plugins[c->plugin_count++];
        p->name = kit_arena_text(&c->memory, name);
        p->file = c->files[0];
        p->node = fy_node_pair_value(pair);
        read_plugin(c, p, report);
    }
}

/* ---- the whole ---- */

/* A list of texts, as far as rows know; paths of a list are taken from the file's folder like
 * single ones. */
static void resolve_folders(conf *c, cmp_strings *folders)
{
    const char **paths = kit_arena_calloc(&c->memory, folders->count, sizeof(*paths));
    for (size_t i = 0; i < folders->count; i++) {
        paths[i] = yaml_path(&c->memory, yaml_folder(c->files[0]), cmp_str_from(folders->at[i]));
    }
    folders->at = paths;
}

/* The order matters: files are joined first, so that rows see one tree; defaults that depend on
 * others come when all is read; and checks see them. The configuration is returned with its errors
 * in the report, since the caller's own checks can find more. */
conf *conf_load(const char *path, cmp_report *report)
{
    static const char *const others[] = {"plugins", NULL};
    yaml_file *main_file = yaml_open(path, false, report);
    if (main_file == NULL) {
        return NULL;
    }
    conf *c = kit_calloc(1, sizeof(*c));
    kit_arena_init(&c->memory, NULL, 0);
    c->files = kit_calloc(1, sizeof(yaml_file *));
    c->files[c->file_count++] = main_file;
    conf_include(c, report);
    schema_fill(conf_rows, main_file, yaml_root(main_file), "", others, &c->memory, &c->top,
                report);
    resolve_folders(c, &c->top.plugin_path);
    read_plugins(c, report);
    conf_derive(c);
    conf_check(c, report);
    return c;
}

void conf_destroy(conf **c)
{
    if (*c == NULL) {
        return;
    }
    for (size_t i = 0; i < (*c)->file_count; i++) {
        yaml_close(&(*c)->files[i]);
    }
    free((*c)->files);
    kit_arena_reset(&(*c)->memory);
    free(*c);
    *c = NULL;
}

conf_place conf_place_of(const conf *c, const char *path)
{
    return yaml_place_of(c->files[0], path);
}
