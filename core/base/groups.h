/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of this machine's users. */
#pragma once

#include <cmp-kit/arena.h>
#include <cmp/option.h>
#include <sys/types.h>

typedef struct groups {
    gid_t *at;
    size_t count;
} groups;

/* Looks them up, each by its name, or else by its number, which need not be known on this machine.
 * The result is in `memory`. False when there is none of the name at *wrong.
 * Not on several threads at once. */
CMP_MUST_USE bool groups_find(const cmp_strings *names, kit_arena *memory, groups *found,
                              size_t *wrong);

/* Whether they have one in common. Any thread. */
bool groups_share(const groups *a, const groups *b);
