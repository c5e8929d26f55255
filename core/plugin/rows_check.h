/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a plugin's rows make sense: those of options, before anything is filled along them, and
 * those of commands. */
#pragma once

#include <cmp/plugin.h>

/* More rows are a table whose end is missing. */
#define ROWS_CHECK_MAX   256
#define ROWS_CHECK_DEPTH 8

/* `options_size` bounds what the rows may fill; names in `reserved` (ended by NULL) are the host's.
 * False with what is wrong in `error`, by row and field. */
bool rows_check(const cmp_option *rows, size_t options_size, const char *const *reserved,
                char *error, size_t error_size);

/* The same for commands; NULL, for there are none, is good. */
bool rows_check_commands(const cmp_command *rows, char *error, size_t error_size);
