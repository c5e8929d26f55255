/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML 1.2 (or JSON) file as a tree whose nodes know where they stand. */
#pragma once

#include "conf/report.h"

#include <libfyaml.h>

/* One file; lives as long as the configuration that was read from it. */
typedef struct yaml_file yaml_file;

/* Reads a regular file, syntax errors and duplicate keys into the report. NULL then. Keys that are
 * no names go to the report, too, but there is more to be found behind them. An empty file is an
 * empty mapping. Aliases and merge keys are resolved. `secret`: the file holds secrets, so its text
 * is wiped when the file is closed, and no message shows any of it. */
CMP_MUST_USE yaml_file *yaml_open(const char *path, bool secret, cmp_report *report);

/* The same for a file that is open already; `path` is its name, the descriptor stays the caller's.
 */
CMP_MUST_USE yaml_file *yaml_read(const char *path, int fd, bool secret, cmp_report *report);

void yaml_close(yaml_file **file);

/* NULL when the file is empty. */
struct fy_node *yaml_root(const yaml_file *file);

const char *yaml_name(const yaml_file *file);

/* Whether the file was opened as one that holds secrets. */
bool yaml_secret(const yaml_file *file);

/* The folder that relative paths of this file start from. */
const char *yaml_folder(const yaml_file *file);

/* `path`, taken from `folder` when it is relative. */
const char *yaml_path(kit_arena *memory, const char *folder, cmp_str path);

/* A copy of a node of `from`, to be hung into the tree of `to`. The copy still knows its place in
 * `from`: both files and `memory` stay as long as it. */
struct fy_node *yaml_adopt(yaml_file *to, const yaml_file *from, struct fy_node *node,
                           kit_arena *memory);

/* Where a value stands: a scalar itself, a list or mapping by its key, else what is nearest to it.
 * NULL: the beginning of the file. */
conf_place yaml_place(const yaml_file *file, struct fy_node *node);

/* Place of a key of a mapping (not of its value). */
conf_place yaml_place_pair(const yaml_file *file, struct fy_node_pair *pair);

/* The value at a key path such as "listeners[1].tls.key", or NULL. With `nearest`, the deepest
 * parent that exists instead of NULL. */
struct fy_node *yaml_find(const yaml_file *file, const char *path, bool nearest);

/* The place of the value at a path, or of the nearest parent that exists. */
conf_place yaml_place_of(const yaml_file *file, const char *path);

/* The scalar's text, or absent when the node is no scalar. Lives as long as the file. */
cmp_str yaml_scalar(struct fy_node *node);

/* The value of a key of a mapping, or NULL. */
struct fy_node *yaml_value(struct fy_node *mapping, cmp_str key);

/* Nothing stands there: no node, an empty plain scalar, `~`, or `null`. */
bool yaml_nothing(struct fy_node *node);
