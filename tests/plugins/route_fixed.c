/* SPDX-License-Identifier: Apache-2.0 */
/* A route for tests that always answers the same, as its options say. */
#include <cmp/plugin.h>

#include <stdlib.h>

static const char *const answer_names[] = {"decline", "refuse",  "unavailable", "referral",
                                           "answer",  "forward", NULL};
/* In the order of their names. */
static const cmp_route_verdict answer_verdicts[] = {
    CMP_ROUTE_DECLINE,  CMP_ROUTE_REFUSE, CMP_ROUTE_UNAVAILABLE,
    CMP_ROUTE_REFERRAL, CMP_ROUTE_ANSWER, CMP_ROUTE_FORWARD,
};

static const char *const refusal_names[] = {"addr_not_allowed", "not_allowed", "unknown_ici", NULL};

typedef struct fixed_options {
    int answer;
    int refusal;
    const char *peer;
    const char *addr;
    const char *prefix;
    const char *content;
} fixed_options;

CMP_OPTIONS(option_rows, fixed_options) = {
    CMP_ROW_ENUM("answer", fixed_options, answer, answer_names, "what it says to every request",
                 CMP_DEFAULT("decline")),
    CMP_ROW_ENUM("refusal", fixed_options, refusal, refusal_names, "refuse: with which code",
                 CMP_DEFAULT("not_allowed")),
    CMP_ROW("peer", STRING, fixed_options, peer, "forward: to which peer", CMP_DEFAULT("b")),
    CMP_ROW("addr", HOST, fixed_options, addr, "referral: to which host",
            CMP_DEFAULT("b.example.net")),
    CMP_ROW("prefix", STRING, fixed_options, prefix,
            "referral: for which prefix; none: for this ICI alone"),
    CMP_ROW("content", STRING, fixed_options, content, "answer: the content",
            CMP_DEFAULT("https://routed.example/")),
    CMP_OPTION_END,
};

typedef struct fixed {
    const fixed_options *options;
    cmp_record record; /* answer */
} fixed;

static void *fixed_create(const cmp_host *host, const void *options, void *previous,
                          cmp_report *report)
{
    (void)host, (void)previous, (void)report;
    fixed *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        abort();
    }
    f->options = options;
    f->record = CMP_RECORD_INIT;
    f->record.content = cmp_str_from(f->options->content);
    return f;
}

static cmp_route_verdict fixed_route(void *instance, void *worker, cmp_route_reason reason,
                                     cmp_str target, cmp_op op, cmp_route_answer *answer)
{
    (void)worker, (void)reason, (void)target, (void)op;
    const fixed *f = instance;
    const fixed_options *o = f->options;
    const cmp_route_verdict verdict = answer_verdicts[o->answer];
    switch (verdict) {
    case CMP_ROUTE_REFUSE:
        answer->refusal = (cmp_refusal)o->refusal;
        break;
    case CMP_ROUTE_FORWARD:
        answer->peer = cmp_str_from(o->peer);
        break;
    case CMP_ROUTE_REFERRAL:
        answer->addr = cmp_str_from(o->addr);
        answer->prefix = cmp_str_from(o->prefix);
        answer->ttl_s = 60;
        break;
    case CMP_ROUTE_ANSWER:
        answer->record = &f->record;
        break;
    default:
        break;
    }
    return verdict;
}

static const cmp_route_ops fixed_ops = {
    .size = sizeof(cmp_route_ops),
    .route = fixed_route,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "route_fixed",
    .kind = CMP_PLUGIN_ROUTE,
    .version = "1",
    .summary = "Always the same answer",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = fixed_create,
    .destroy = free,
    .ops.route = &fixed_ops,
};
