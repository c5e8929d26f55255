/* SPDX-License-Identifier: Apache-2.0 */
/* A signer for tests: it says who we are by header fields, at once or later, with a signature
 * beside them or without. As an authentication it knows nobody. */
#include <cmp-kit/memory.h>
#include <cmp/plugin.h>

#include <stdlib.h>

typedef struct adds_field {
    const char *name, *value;
} adds_field;

typedef struct adds_options {
    cmp_rows fields; /* adds_field */
    bool later, pair;
} adds_options;

CMP_OPTIONS(field_rows, adds_field) = {
    CMP_ROW("name", STRING, adds_field, name, "of the header field", CMP_REQUIRED),
    CMP_ROW("value", STRING, adds_field, value, "and what it says", CMP_REQUIRED),
    CMP_OPTION_END,
};

CMP_OPTIONS(rows, adds_options) = {
    CMP_ROW_ROWS("fields", adds_options, fields, field_rows, "what is sent along", CMP_REQUIRED),
    CMP_ROW("later", BOOLEAN, adds_options, later, "answers from a timer"),
    CMP_ROW("pair", BOOLEAN, adds_options, pair, "says apikeyid and signature, too"),
    CMP_OPTION_END,
};

typedef struct adds {
    const cmp_host *host;
    const adds_options *options;
} adds;

typedef struct later {
    const adds *owner;
    cmp_op op;
    cmp_timer *timer;
} later;

static void *adds_create(const cmp_host *host, const void *options, void *previous,
                         cmp_report *report)
{
    (void)previous, (void)report;
    adds *self = kit_alloc(sizeof(*self));
    *self = (adds){host, options};
    return self;
}

static void adds_destroy(void *instance)
{
    free(instance);
}

/* What sign needs of its worker is the loop alone. */
static void *adds_worker_start(void *instance, cmp_loop *loop)
{
    (void)instance;
    return loop;
}

static cmp_auth_verdict adds_verify(void *instance, void *worker, cmp_op op,
                                    cmp_auth_answer *answer)
{
    (void)instance, (void)worker, (void)op, (void)answer;
    return CMP_AUTH_ABSTAIN;
}

/* In the operation's memory, which is there until the request is written. */
static void fill(const adds *self, cmp_op op, cmp_signature *signature)
{
    const adds_options *o = self->options;
    const adds_field *fields = o->fields.at;
    cmp_pair *pairs = self->host->txn_alloc(self->host, op, o->fields.count * sizeof(*pairs));
    for (size_t i = 0; i < o->fields.count; i++) {
        pairs[i] = (cmp_pair){cmp_str_from(fields[i].name), cmp_str_from(fields[i].value)};
    }
    signature->headers = pairs;
    signature->header_count = o->fields.count;
    if (o->pair) {
        signature->apikeyid = CMP_STR("adds");
        memcpy(signature->text, "abcd", 4);
        signature->size = 4;
    }
}

static void on_later(void *arg)
{
    later *l = arg;
    const later done = *l;
    cmp_signature signature = {.size = 0};
    free(l);
    fill(done.owner, done.op, &signature);
    cmp_sign_complete(done.owner->host, done.op, CMP_SIGN_DONE, &signature);
}

static cmp_sign_verdict adds_sign(void *instance, void *worker, const cmp_outgoing *outgoing,
                                  cmp_op op, cmp_signature *signature)
{
    (void)outgoing;
    const adds *self = instance;
    if (!self->options->later) {
        fill(self, op, signature);
        return CMP_SIGN_DONE;
    }
    later *l = kit_alloc(sizeof(*l));
    *l = (later){.owner = self, .op = op};
    self->host->op_data(self->host, op, l);
    l->timer = self->host->timer_start(worker, 1, on_later, l);
    return CMP_SIGN_PENDING;
}

static void adds_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)worker;
    const adds *self = instance;
    later *l = data;
    self->host->timer_stop(l->timer);
    free(l);
    cmp_sign_complete(self->host, op, CMP_SIGN_UNAVAILABLE, NULL);
}

static const cmp_auth_ops ops = {
    .size = sizeof(ops),
    .verify = adds_verify,
    .sign = adds_sign,
    .cancel = adds_cancel,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "auth_adds",
    .kind = CMP_PLUGIN_AUTH,
    .services = CMP_SERVICE_LOOP,
    .version = "1.0",
    .summary = "header fields in place of a signature, for tests",
    CMP_PLUGIN_OPTIONS(rows),
    .create = adds_create,
    .worker_start = adds_worker_start,
    .destroy = adds_destroy,
    .ops.auth = &ops,
};
