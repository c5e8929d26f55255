/* SPDX-License-Identifier: Apache-2.0 */
/* One scalar of the configuration: from its text to the field that a row describes. */
#pragma once

#include <cmp-kit/arena.h>
#include <cmp/option.h>

/* Whether rows of this type take one value or a list of them. */
bool value_listed(cmp_option_type type);

/* The space of one value in memory: of the field, or of one member of its list (for ENUMS an int,
 * the index in `choices`). 0 for types that are no scalars: ROWS, GROUP, RAW. */
size_t value_size(cmp_option_type type);

/* Reads a text as one value of the row. Relative paths are taken from `folder`. False when it is
 * none; then *hint may say more than what is expected, or is NULL. Strings and hints live in
 * `memory`. */
CMP_MUST_USE bool value_parse(const cmp_option *row, cmp_str text, const char *folder,
                              kit_arena *memory, void *value, const char **hint);

/* Writes a number of the row's type as an operator would: 90000 as 90s, 65536 as 64K. */
#define VALUE_TEXT_SIZE 32
void value_format(cmp_option_type type, int64_t number, char text[VALUE_TEXT_SIZE]);
