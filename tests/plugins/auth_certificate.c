/* SPDX-License-Identifier: Apache-2.0 */
/* An authentication for tests by the client's certificate: by its fingerprint, whoever has signed
 * it, or by its subject, when the listener's CA has. It says in the log what it was shown. */
#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>
#include <cmp/plugin.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct holder {
    const char *sha256, *subject, *peer;
} holder;

typedef struct certificate_options {
    cmp_rows holders; /* holder */
} certificate_options;

CMP_OPTIONS(holder_rows, holder) = {
    CMP_ROW("sha256", STRING, holder, sha256, "fingerprint of any certificate"),
    CMP_ROW("subject", STRING, holder, subject, "of a verified one"),
    CMP_ROW("peer", STRING, holder, peer, "whose it is", CMP_REQUIRED),
    CMP_OPTION_END,
};

CMP_OPTIONS(rows, certificate_options) = {
    CMP_ROW_ROWS("holders", certificate_options, holders, holder_rows, "who has which",
                 CMP_REQUIRED),
    CMP_OPTION_END,
};

typedef struct by_certificate {
    const cmp_host *host;
    const certificate_options *options;
} by_certificate;

static void *certificate_create(const cmp_host *host, const void *options, void *previous,
                                cmp_report *report)
{
    (void)previous, (void)report;
    by_certificate *self = kit_alloc(sizeof(*self));
    *self = (by_certificate){host, options};
    return self;
}

static void certificate_destroy(void *instance)
{
    free(instance);
}

/* As much of the names as one line takes. */
static void show(const cmp_host *host, const cmp_certificate *c)
{
    char names[512] = "";
    for (size_t i = 0, used = 0; i < c->name_count && used < sizeof(names); i++) {
        const cmp_pair *n = &c->names[i];
        used += (size_t)snprintf(names + used, sizeof(names) - used, ", %.*s %.*s",
                                 (int)n->name.size, n->name.at, (int)n->value.size, n->value.at);
    }
    host->log(host, CMP_LOG_INFO, "shown: %.*s, %s, %zu names%s", (int)c->subject.size,
              c->subject.at, c->verified ? "verified" : "not verified", c->name_count, names);
}

static bool holds(const holder *h, const cmp_certificate *c, cmp_str fingerprint)
{
    return (h->sha256 != NULL && cmp_str_equal(cmp_str_from(h->sha256), fingerprint)) ||
           (h->subject != NULL && c->verified && c->subject.at != NULL &&
            cmp_str_equal(cmp_str_from(h->subject), c->subject));
}

static cmp_auth_verdict certificate_verify(void *instance, void *worker, cmp_op op,
                                           cmp_auth_answer *answer)
{
    (void)worker;
    const by_certificate *self = instance;
    const cmp_certificate *c = self->host->txn_certificate(self->host, op);
    const holder *holders = self->options->holders.at;
    char hex[2 * sizeof(c->fingerprint)];
    if (c == NULL) {
        return CMP_AUTH_ABSTAIN;
    }
    show(self->host, c);
    kit_hex_encode(c->fingerprint, sizeof(c->fingerprint), hex);
    for (size_t i = 0; i < self->options->holders.count; i++) {
        if (holds(&holders[i], c, (cmp_str){hex, sizeof(hex)})) {
            answer->peer = cmp_str_from(holders[i].peer);
            return CMP_AUTH_ACCEPT;
        }
    }
    answer->reason = "nobody's certificate";
    return CMP_AUTH_REJECT;
}

static const cmp_auth_ops ops = {
    .size = sizeof(ops),
    .verify = certificate_verify,
    .wants = CMP_AUTH_CERTIFICATE,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "auth_certificate",
    .kind = CMP_PLUGIN_AUTH,
    .version = "1.0",
    .summary = "requestors by their certificates, for tests",
    CMP_PLUGIN_OPTIONS(rows),
    .create = certificate_create,
    .destroy = certificate_destroy,
    .ops.auth = &ops,
};
