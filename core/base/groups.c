/* SPDX-License-Identifier: Apache-2.0 */
/* See groups.h. */
#include "base/groups.h"

#include <cmp-kit/text.h>

#include <grp.h>

/* A number needs no entry: a container's groups are known outside of it. */
static bool find(const char *name, gid_t *id)
{
    const struct group *entry = getgrnam(name);
    int64_t number;
    if (entry != NULL) {
        *id = entry->gr_gid;
        return true;
    }
    if (kit_number_parse(cmp_str_from(name), 0, UINT32_MAX - 1, &number)) {
        *id = (gid_t)number;
        return true;
    }
    return false;
}

bool groups_find(const cmp_strings *names, kit_arena *memory, groups *found, size_t *wrong)
{
    found->at = kit_arena_calloc(memory, names->count, sizeof(*found->at));
    found->count = names->count;
    for (size_t i = 0; i < names->count; i++) {
        if (!find(names->at[i], &found->at[i])) {
            *wrong = i;
            return false;
        }
    }
    return true;
}

bool groups_share(const groups *a, const groups *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < b->count; k++) {
            if (a->at[i] == b->at[k]) {
                return true;
            }
        }
    }
    return false;
}
