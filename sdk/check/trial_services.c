/* SPDX-License-Identifier: Apache-2.0 */
/* A trial of services that fail: servers, and the pool. */
#include "asking.h"
#include "trial.h"

/* What must not come of a failure: that somebody is let in, or that something is not there. NULL:
 * the answer claims no such thing. */
static const char *claim_of(const asking *a, size_t question)
{
    const int verdict = cmp_test_verdict(a->op);
    switch (a->plugin->kind) {
    case CMP_PLUGIN_AUTH:
        return !asking_signs(a->plugin, question) && verdict == CMP_AUTH_ACCEPT ? "CMP_AUTH_ACCEPT"
                                                                                : NULL;
    case CMP_PLUGIN_STORE:
        return verdict == CMP_STORE_ABSENT ? "CMP_STORE_ABSENT" : NULL;
    case CMP_PLUGIN_ROUTE:
        break;
    }
    return verdict == CMP_ROUTE_REFUSE && cmp_test_routed(a->op)->refusal == CMP_REFUSE_UNKNOWN_ICI
               ? "CMP_REFUSE_UNKNOWN_ICI"
               : NULL;
}

/* With status 200 a service may have said all that it says: then whom it lets in is somebody. */
static bool is_doubtful(const asking *a, const cmp_https_answer *answer)
{
    const cmp_host *h = cmp_test_host(a->t);
    cmp_peer peer;
    return a->plugin->kind == CMP_PLUGIN_AUTH && answer->status == 200 &&
           h->peer_find(h, cmp_test_auth(a->op)->peer, &peer);
}

typedef struct claims {
    unsigned count;
    char first[200];
} claims;

/* What the trial has seen so far. */
typedef struct failing {
    const trial *tr;
    cmp_test *t;
    bool asked;      /* a server, at all */
    claims too_much; /* and those that may be meant so: */
    claims doubtful;
} failing;

static void fail_with(failing *f, size_t question, const char *how, const cmp_https_answer *answer)
{
    const cmp_plugin *plugin = f->tr->serving;
    const unsigned refused = f->t->refused;
    asking a = asking_begin(f->t, plugin, question);
    if (!asking_drive(&a, answer) && !asking_cancel(&a, answer)) {
        trial_give_up(f->tr, RULE_SERVICES, &a, how);
    }
    const char *claim = claim_of(&a, question);
    if (claim != NULL && (a.asked_a_server || f->t->refused != refused)) {
        claims *c = is_doubtful(&a, answer) ? &f->doubtful : &f->too_much;
        if (c->count++ == 0) {
            snprintf(c->first, sizeof(c->first), "%s: %s, it answers %s", a.name, how, claim);
        }
    }
    f->asked = f->asked || a.asked_a_server;
    asking_end(&a);
}

#define BODY(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define JSON_TYPE                                                                                  \
    {                                                                                              \
        "application/json", 16                                                                     \
    }

static const struct {
    const char *how;
    cmp_https_answer answer;
} failures[] = {
    {"when the request cannot be sent", {.result = CMP_HTTPS_NOT_SENT, .detail = "no connection"}},
    {"when too much waits",
     {.result = CMP_HTTPS_NOT_SENT, .detail = "too much waits", .retry_after_s = 1}},
    {"when the connection breaks", {.result = CMP_HTTPS_BROKEN, .detail = "reset"}},
    {"when the server is silent", {.result = CMP_HTTPS_TIMEOUT, .detail = "timed out"}},
    {"when the server speaks no HTTP", {.result = CMP_HTTPS_BAD_ANSWER, .detail = "no HTTP"}},
    {"when the server answers 500", {.result = CMP_HTTPS_ANSWERED, .status = 500}},
    {"when the server answers 503",
     {.result = CMP_HTTPS_ANSWERED, .status = 503, .retry_after_s = 30}},
    {"when the server answers 200 without a body", {.result = CMP_HTTPS_ANSWERED, .status = 200}},
    {"when the server answers 200 with half an object",
     {.result = CMP_HTTPS_ANSWERED,
      .status = 200,
      .content_type = JSON_TYPE,
      .body = BODY("{\"a")}},
    {"when the server answers 200 with a page",
     {.result = CMP_HTTPS_ANSWERED,
      .status = 200,
      .content_type = {"text/html", 9},
      .body = BODY("<!doctype html><title>Sign in</title>")}},
    {"when the server answers 200 with octets",
     {.result = CMP_HTTPS_ANSWERED,
      .status = 200,
      .content_type = JSON_TYPE,
      .body = BODY("\x00\xff\xfe\x80\x01")}},
};

/* False: there are none. */
static bool say_claims(const failing *f, finding_verdict v, const claims *c)
{
    if (c->count > 1) {
        trial_say(f->tr, RULE_SERVICES, v, "%s; and so in %u more cases", c->first, c->count - 1);
    } else if (c->count == 1) {
        trial_say(f->tr, RULE_SERVICES, v, "%s", c->first);
    }
    return c->count > 0;
}

void trial_services(trial *tr)
{
    failing f = {.tr = tr, .t = trial_begin(tr, RULE_SERVICES)};
    if (f.t == NULL) {
        return;
    }
    const size_t questions = asking_usual(tr->serving);
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        for (size_t q = 0; q < questions; q++) {
            fail_with(&f, q, failures[i].how, &failures[i].answer);
        }
    }
    const cmp_https_answer silence = {.result = CMP_HTTPS_TIMEOUT, .detail = "timed out"};
    cmp_test_pool_full(f.t, true);
    for (size_t q = 0; q < questions; q++) {
        fail_with(&f, q, "when the pool is full", &silence);
    }
    const bool refused = f.t->refused > 0;
    trial_close(&f.t);
    if (!say_claims(&f, VERDICT_BROKEN, &f.too_much) &&
        !say_claims(&f, VERDICT_NOTE, &f.doubtful)) {
        trial_say(tr, RULE_SERVICES, VERDICT_HELD, "%s; %s",
                  f.asked ? "servers that fail in eleven ways are borne" : "it asks no server",
                  refused ? "a full pool is borne" : "it gives the pool nothing");
    }
}
