/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a section against option rows (<cmp/option.h>) and fills its struct. */
#pragma once

#include "conf/yaml.h"

#include <cmp/option.h>

/* Fills `options` (zeroed by the callee) from a mapping; NULL stands for an empty one. Everything
 * that is wrong goes to the report, with file, line, column, `path` and the key, what was expected,
 * and the nearest known name. True when nothing was. Memory comes from `memory`, secrets included
 * (their owner wipes: schema_wipe). Keys listed in `others` (ended by NULL; may be NULL) are
 * somebody else's and passed over. */
bool schema_fill(const cmp_option *rows, const yaml_file *file, struct fy_node *node,
                 const char *path, const char *const *others, kit_arena *memory, void *options,
                 cmp_report *report);

/* The octets of the field that a row fills; 0 for a GROUP, whose rows fill their own. */
size_t schema_field_size(const cmp_option *row);

/* Whether a row's default is one that an operator could write. */
bool schema_default_good(const cmp_option *row);

/* Overwrites every secret that schema_fill put into `options`. */
void schema_wipe(const cmp_option *rows, void *options);
