/* SPDX-License-Identifier: Apache-2.0 */
/* See release.h; asked by forward.c for each parameter, and by the daemon when it is built. */
#include "pipeline/release.h"

#include "mc/meant.h"
#include "mc/message.h"

#include <cmp-kit/text.h>

bool release_withholds(const conf_release *release, cmp_str name)
{
    for (size_t i = 0; i < release->withhold.count; i++) {
        if (cmp_str_equal(cmp_str_from(release->withhold.at[i]), name)) {
            return true;
        }
    }
    return false;
}

/* `user` is mandatory, so the next hop gets a pseudonym in its place. */
static bool can_be_withheld(cmp_param param)
{
    return param == CMP_PARAM_USER || param_at_hop(param) == PARAM_PASSED;
}

const char *release_fault(cmp_str name, kit_arena *memory)
{
    const cmp_param param = param_find(name);
    if (param == CMP_PARAM_MAX) {
        const char *meant = param_meant(name, RELEASE_CONTEXTUAL);
        if (meant != NULL && !cmp_str_equal(name, cmp_str_from(meant))) {
            return kit_arena_printf(memory, "there is no parameter \"%.*s\"; did you mean \"%s\"?",
                                    (int)name.size, name.at, meant);
        }
        return name.size > 0 && param_shown(name).size == name.size
                   ? NULL
                   : "expected the name of a parameter";
    }
    if (!cmp_str_equal(name, param_name(param))) {
        return kit_arena_printf(memory, "it is called \"%s\" here", param_name(param).at);
    }
    return can_be_withheld(param)
               ? NULL
               : "this parameter cannot be withheld: without it the next hop cannot answer";
}
