/* SPDX-License-Identifier: Apache-2.0 */
/* A route for tests that says what no route may say, as its options tell. */
#include <cmp/plugin.h>

#include <stdlib.h>

enum {
    SAYS_REFUSAL,
    SAYS_NOBODY,
    SAYS_UNKNOWN,
    SAYS_ADDR,
    SAYS_LONG_ADDR,
    SAYS_PREFIX,
    SAYS_OTHER_PREFIX,
    SAYS_NO_RECORD,
    SAYS_TRANSFERRED,
    SAYS_VERDICT,
};

static const char *const names[] = {[SAYS_REFUSAL] = "refusal",
                                    [SAYS_NOBODY] = "nobody",
                                    [SAYS_UNKNOWN] = "unknown",
                                    [SAYS_ADDR] = "addr",
                                    [SAYS_LONG_ADDR] = "long_addr",
                                    [SAYS_PREFIX] = "prefix",
                                    [SAYS_OTHER_PREFIX] = "other_prefix",
                                    [SAYS_NO_RECORD] = "no_record",
                                    [SAYS_TRANSFERRED] = "transferred",
                                    [SAYS_VERDICT] = "verdict",
                                    NULL};

enum { LONG_SIZE = 100000 };

typedef struct options {
    int says;
} options;

CMP_OPTIONS(option_rows, options) = {
    CMP_ROW_ENUM("says", options, says, names, "what it says"),
    CMP_OPTION_END,
};

typedef struct says_route {
    int says;
    char many[LONG_SIZE];
} says_route;

static void *says_create(const cmp_host *host, const void *opts, void *previous, cmp_report *report)
{
    (void)host, (void)previous, (void)report;
    says_route *s = malloc(sizeof(*s));
    if (s == NULL) {
        abort();
    }
    s->says = ((const options *)opts)->says;
    memset(s->many, 'a', LONG_SIZE);
    return s;
}

/* Good for a store, and no answer for a route. */
static const cmp_record transferred = {
    .transferred_to = CMP_STR("c.example.net"),
    .ttl_s = CMP_TTL_UNSET,
    .not_before_ms = CMP_TIME_MIN,
    .not_after_ms = CMP_TIME_MAX,
};

static cmp_route_verdict refer(cmp_str addr, cmp_str prefix, cmp_route_answer *answer)
{
    answer->addr = addr;
    answer->prefix = prefix;
    answer->ttl_s = 60;
    return CMP_ROUTE_REFERRAL;
}

static cmp_route_verdict says_route_to(void *instance, void *worker, cmp_route_reason reason,
                                       cmp_str target, cmp_op op, cmp_route_answer *answer)
{
    (void)worker, (void)reason, (void)target, (void)op;
    const says_route *s = instance;
    switch (s->says) {
    case SAYS_REFUSAL:
        answer->refusal = (cmp_refusal)99;
        return CMP_ROUTE_REFUSE;
    case SAYS_NOBODY:
        answer->peer = (cmp_str){NULL, 3};
        return CMP_ROUTE_FORWARD;
    case SAYS_UNKNOWN:
        answer->peer = CMP_STR("nobody");
        return CMP_ROUTE_FORWARD;
    case SAYS_ADDR:
        answer->peer = CMP_STR("b");
        answer->addr = CMP_STR("b.example.net\r\nX-Forged: 1");
        return CMP_ROUTE_FORWARD;
    case SAYS_LONG_ADDR:
        return refer((cmp_str){s->many, LONG_SIZE}, CMP_NONE, answer);
    case SAYS_PREFIX:
        return refer(CMP_STR("b.example.net"), CMP_STR("2B\n"), answer);
    case SAYS_OTHER_PREFIX:
        return refer(CMP_STR("b.example.net"), CMP_STR("3C001"), answer);
    case SAYS_NO_RECORD:
        return CMP_ROUTE_ANSWER;
    case SAYS_TRANSFERRED:
        answer->record = &transferred;
        return CMP_ROUTE_ANSWER;
    default:
        return (cmp_route_verdict)-7;
    }
}

static const cmp_route_ops says_ops = {
    .size = sizeof(cmp_route_ops),
    .route = says_route_to,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "route_says",
    .kind = CMP_PLUGIN_ROUTE,
    .version = "1",
    .summary = "Says what no route may say",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = says_create,
    .destroy = free,
    .ops.route = &says_ops,
};
