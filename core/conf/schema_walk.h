/* SPDX-License-Identifier: Apache-2.0 */
/* What a walk along option rows has with it, what it says is wrong, and single values. Within
 * schema.c's reach only. */
#pragma once

#include "conf/yaml.h"

#include <cmp/option.h>

typedef struct walk {
    const yaml_file *file; /* NULL: there is none yet, as for a plugin's defaults */
    kit_arena *memory;
    cmp_report *report;
} walk;

/* The way from the top to a value; turned into a path only when there is an error to report. */
typedef struct trail {
    const struct trail *up;
    const char *key; /* NULL: an item of a list */
    size_t index;
} trail;

const char *trail_path(const trail *t, kit_arena *memory);

/* ---- what is wrong ---- */

void walk_complain(const walk *w, const trail *t, conf_place place, const char *text);

/* False, after saying what was expected of the value, and what was found; `hint` may be NULL. */
bool walk_mismatch(const walk *w, const trail *t, const cmp_option *row, struct fy_node *node,
                   const char *hint);

/* False, after saying what the section has to have. */
bool walk_missing(const walk *w, const trail *t, const cmp_option *row, struct fy_node *section);

conf_place walk_place(const walk *w, struct fy_node *node);

/* Where relative paths begin. */
const char *walk_folder(const walk *w);

/* ---- single values ---- */

/* Reads a value that is no list and no section. False after a complaint. */
bool walk_scalar(const walk *w, const trail *t, const cmp_option *row, struct fy_node *node,
                 void *field);

/* A secret may stand in a file of its own, which NAME_file names in place of NAME. */
#define SECRET_FILE_SUFFIX "_file"

/* Reads a secret from the file that `node` names; `up` is the section's trail. Likewise. */
bool walk_secret_file(const walk *w, const trail *up, const cmp_option *row, struct fy_node *node,
                      void *field);
