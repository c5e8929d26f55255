/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: it asks for a header field by a name that no field has here. */
#include "bad.h"

static cmp_auth_verdict verify(void *instance, void *worker, cmp_op op, cmp_auth_answer *answer)
{
    (void)instance, (void)worker, (void)op, (void)answer;
    return CMP_AUTH_ABSTAIN;
}

static const char *const headers[] = {"cookie", "Authorization", NULL};

static const cmp_auth_ops ops = {
    .size = sizeof(cmp_auth_ops),
    .verify = verify,
    .headers = headers,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,       .name = "bad_headers", .kind = CMP_PLUGIN_AUTH, .version = "1",
    .summary = "Refused", .create = bad_create,  .destroy = bad_destroy,  .ops.auth = &ops,
};
