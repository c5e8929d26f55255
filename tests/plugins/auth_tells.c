/* SPDX-License-Identifier: Apache-2.0 */
/* A careless authentication for tests: it writes what it is shown into the log, and knows nobody.
 */
#include <cmp/plugin.h>

static void *tells_create(const cmp_host *host, const void *options, void *previous,
                          cmp_report *report)
{
    (void)options, (void)previous, (void)report;
    return (void *)host;
}

static void tells_destroy(void *instance)
{
    (void)instance;
}

static cmp_auth_verdict tells_verify(void *instance, void *worker, cmp_op op,
                                     cmp_auth_answer *answer)
{
    (void)worker, (void)answer;
    const cmp_host *host = instance;
    const cmp_str authorization = host->txn_header(host, op, "authorization");
    const cmp_str cookie = host->txn_header(host, op, "cookie");
    const cmp_str taken = host->txn_consume(host, op, "access_token");
    const size_t scheme = authorization.size > 7 ? 7 : authorization.size; /* of Bearer */
    host->log(host, CMP_LOG_NOTICE, "told: %.*s, %.*s, %.*s, %.*s", (int)authorization.size,
              authorization.at, (int)(authorization.size - scheme),
              authorization.at != NULL ? authorization.at + scheme : "", (int)cookie.size,
              cookie.at, (int)taken.size, taken.at);
    return CMP_AUTH_ABSTAIN;
}

static const char *const headers[] = {"authorization", "cookie", NULL};

static const cmp_auth_ops ops = {
    .size = sizeof(ops),
    .verify = tells_verify,
    .headers = headers,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "auth_tells",
    .kind = CMP_PLUGIN_AUTH,
    .version = "1.0",
    .summary = "writes credentials into the log, for tests",
    .create = tells_create,
    .destroy = tells_destroy,
    .ops.auth = &ops,
};
