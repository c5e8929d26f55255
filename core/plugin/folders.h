/* SPDX-License-Identifier: Apache-2.0 */
/* Where the programs of this project look for plugins. */
#pragma once

#include <cmp-kit/arena.h>
#include <cmp/option.h>

/* Those of `first` (ended by NULL), those of `more` (either may be NULL), then `plugins` beside the
 * program, then where plugins are installed if the program is. In `a`, ended by NULL. */
const char **plugin_folders(kit_arena *a, const char *const *first, const cmp_strings *more);
