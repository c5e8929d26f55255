/* SPDX-License-Identifier: Apache-2.0 */
/* A rule on `gendr` never matches, and `gendr` is never withheld: where an operator's free names
 * stand beside those of Table 19, what is nearly one of them is a mistake. What a peer sends is its
 * own affair. */
#include "mc/meant.h"

#include "base/names.h"
#include "mc/message.h"

#include <cmp-kit/text.h>

/* Stricter than a mere proposal, since the name is refused: a slip seldom spares all letters but
 * the first (`host`, `page` and `cost` are honest names), unless it swaps that with the second; and
 * every name of two letters is one edit away from half the others. */
static bool may_be_meant(cmp_str name, cmp_str known)
{
    if (name.size == 0 || known.size < 3) {
        return kit_ascii_equal_fold(name, known);
    }
    const char first = kit_ascii_lower(name.at[0]);
    return first == known.at[0] ||
           (name.size > 1 && first == known.at[1] && kit_ascii_lower(name.at[1]) == known.at[0]);
}

const char *param_meant(cmp_str name, const char *other)
{
    const char *names[CMP_PARAM_MAX + 2];
    size_t count = 0;
    for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
        if (may_be_meant(name, param_name(param))) {
            names[count++] = param_name(param).at;
        }
    }
    if (other != NULL && may_be_meant(name, cmp_str_from(other))) {
        names[count++] = other;
    }
    names[count] = NULL;
    return name_nearest(name, names);
}
