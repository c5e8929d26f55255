/* SPDX-License-Identifier: Apache-2.0 */
/* Values that stand elsewhere than in the configuration: in the environment, and in files of their
 * own. */
#pragma once

#include <cmp-kit/arena.h>
#include <cmp/option.h>

/* Puts environment variables in the place of ${NAME}, where NAME is of A-Z, 0-9 and _ and begins
 * with no digit; $${ stands for ${ itself. NULL with *hint filled (in `memory`) when one is not
 * written so or not set; otherwise the caller's: wipe and free it. */
char *indirect_expand(cmp_str text, kit_arena *memory, const char **hint);

/* The text of a file that holds one secret, without the newline at its end. The file is regular,
 * small, and nobody's but its owner's; below $CREDENTIALS_DIRECTORY, which systemd guards, its
 * group may read it too. NULL with *hint filled (in `memory`); otherwise the caller's: wipe and
 * free it. */
char *indirect_read(const char *path, kit_arena *memory, const char **hint);
