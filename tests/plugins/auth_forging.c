/* SPDX-License-Identifier: Apache-2.0 */
/* An auth plugin for tests whose reason is a line that looks like one of the log's own. */
#include <cmp/plugin.h>

static int the_instance;

static void *forging_create(const cmp_host *host, const void *options, void *previous,
                            cmp_report *report)
{
    (void)host, (void)options, (void)previous, (void)report;
    return &the_instance;
}

static void forging_destroy(void *instance)
{
    (void)instance;
}

static cmp_auth_verdict forging_verify(void *instance, void *worker, cmp_op op,
                                       cmp_auth_answer *answer)
{
    (void)instance, (void)worker, (void)op;
    answer->reason = "no\n2026-01-01T00:00:00.000Z error daemon: forged\x1b[2J";
    return CMP_AUTH_REJECT;
}

static const cmp_auth_ops forging_ops = {
    .size = sizeof(cmp_auth_ops),
    .verify = forging_verify,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "auth_forging",
    .kind = CMP_PLUGIN_AUTH,
    .version = "1",
    .summary = "Rejects all, with a reason that is no text",
    .create = forging_create,
    .destroy = forging_destroy,
    .ops.auth = &forging_ops,
};
