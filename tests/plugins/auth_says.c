/* SPDX-License-Identifier: Apache-2.0 */
/* An authentication for tests that says what none may say, as its options tell: about who asks, or
 * about the signature of what is sent on. */
#include <cmp/plugin.h>

#include <stdlib.h>

enum {
    SAYS_ONCE,
    SAYS_NOBODY,
    SAYS_NOWHERE,
    SAYS_CREDENTIAL,
    SAYS_VERDICT,
    SIGNS_LONG,
    SIGNS_NOTHING,
    SIGNS_LINES,
    SIGNS_AS_LINES,
    SIGNS_AS_LONG,
    SIGNS_VERDICT,
};

static const char *const names[] = {[SAYS_ONCE] = "once",
                                    [SAYS_NOBODY] = "nobody",
                                    [SAYS_NOWHERE] = "nowhere",
                                    [SAYS_CREDENTIAL] = "credential",
                                    [SAYS_VERDICT] = "verdict",
                                    [SIGNS_LONG] = "sign_long",
                                    [SIGNS_NOTHING] = "sign_nothing",
                                    [SIGNS_LINES] = "sign_lines",
                                    [SIGNS_AS_LINES] = "sign_as_lines",
                                    [SIGNS_AS_LONG] = "sign_as_long",
                                    [SIGNS_VERDICT] = "sign_verdict",
                                    NULL};

enum { LONG_SIZE = 100000 };

typedef struct options {
    int says;
} options;

CMP_OPTIONS(option_rows, options) = {
    CMP_ROW_ENUM("says", options, says, names, "what it says"),
    CMP_OPTION_END,
};

typedef struct says_auth {
    int says;
    char many[LONG_SIZE];
} says_auth;

static void *says_create(const cmp_host *host, const void *opts, void *previous, cmp_report *report)
{
    (void)host, (void)previous, (void)report;
    says_auth *s = malloc(sizeof(*s));
    if (s == NULL) {
        abort();
    }
    s->says = ((const options *)opts)->says;
    memset(s->many, 'a', LONG_SIZE);
    return s;
}

static cmp_auth_verdict says_verify(void *instance, void *worker, cmp_op op,
                                    cmp_auth_answer *answer)
{
    (void)worker, (void)op;
    const says_auth *s = instance;
    answer->peer = CMP_STR("b");
    switch (s->says) {
    case SAYS_ONCE:
        answer->once = (cmp_once)55;
        break;
    case SAYS_NOBODY:
        answer->peer = CMP_NONE;
        break;
    case SAYS_NOWHERE:
        answer->peer = (cmp_str){NULL, 1};
        break;
    case SAYS_CREDENTIAL:
        answer->credential = CMP_STR("b\r\nforged: line");
        break;
    case SAYS_VERDICT:
        answer->reason = (const char *)1; /* nothing may look at it */
        return (cmp_auth_verdict)77;
    default:
        break;
    }
    return CMP_AUTH_ACCEPT;
}

static void sign_with(cmp_signature *signature, cmp_str text)
{
    memcpy(signature->text, text.at, text.size);
    signature->size = text.size;
}

static cmp_sign_verdict says_sign(void *instance, void *worker, const cmp_outgoing *outgoing,
                                  cmp_op op, cmp_signature *signature)
{
    (void)worker, (void)outgoing, (void)op;
    const says_auth *s = instance;
    signature->apikeyid = CMP_STR("b-1");
    sign_with(signature, CMP_STR("c0ffee"));
    switch (s->says) {
    case SIGNS_LONG:
        signature->size = LONG_SIZE;
        break;
    case SIGNS_NOTHING:
        signature->size = 0;
        break;
    case SIGNS_LINES:
        sign_with(signature, CMP_STR("c0ffee\r\nX-Forged: 1"));
        break;
    case SIGNS_AS_LINES:
        signature->apikeyid = CMP_STR("b-1\r\nX-Forged: 1");
        break;
    case SIGNS_AS_LONG:
        signature->apikeyid = (cmp_str){s->many, LONG_SIZE};
        break;
    default:
        return (cmp_sign_verdict)9;
    }
    return CMP_SIGN_DONE;
}

static const cmp_auth_ops says_ops = {
    .size = sizeof(cmp_auth_ops),
    .verify = says_verify,
    .sign = says_sign,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "auth_says",
    .kind = CMP_PLUGIN_AUTH,
    .version = "1",
    .summary = "Says what no authentication may say",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = says_create,
    .destroy = free,
    .ops.auth = &says_ops,
};
