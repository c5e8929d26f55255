/* SPDX-License-Identifier: Apache-2.0 */
/* See params.h; used by resolve.c and explain.c. */
#include "ctl/params.h"

#include "ctl/output.h"
#include "mc/meant.h"
#include "mc/message.h"

bool params_add(const args_list *params, query *q)
{
    for (size_t i = 0; i < params->count; i++) {
        const char *equals = strchr(params->at[i], '=');
        if (equals == NULL || equals == params->at[i]) {
            output_fail("--param: \"%s\" is not NAME=VALUE", params->at[i]);
            return false;
        }
        const cmp_str name = {params->at[i], (size_t)(equals - params->at[i])};
        const char *meant = param_find(name) == CMP_PARAM_MAX ? param_meant(name, NULL) : NULL;
        if (meant != NULL) {
            output_fail("--param: there is no %.*s; did you mean %s?", (int)name.size, name.at,
                        meant);
            return false;
        }
        query_add(q, kit_arena_text(q->memory, name), cmp_str_from(equals + 1));
    }
    return true;
}
