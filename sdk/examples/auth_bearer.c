/* SPDX-License-Identifier: 0BSD */
/* Authentication by bearer tokens (RFC 6750): an authorization server says whose each one is (RFC
 * 7662). A sample for who writes an auth plugin that waits: it looks at one header field, takes the
 * token out of the parameters where it comes there, and asks over the host's own HTTPS. Nothing is
 * remembered, so a token that is revoked is good for nobody from that moment. */
#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>
#include <cmp-kit/trouble.h>
#include <cmp/plugin.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define PARAMETER  "access_token" /* RFC 6750, 2.2 and 2.3 */
#define TOKEN_MAX  ((size_t)4096)
#define ANSWER_MAX ((size_t)16384)

/* ---- descriptor ---- */

typedef struct bearer_client {
    const char *client, *peer;
} bearer_client;

typedef struct bearer_options {
    const char *url, *ca, *id, *secret;
    int by;
    cmp_rows clients; /* bearer_client */
    int64_t timeout_ms, waiting;
} bearer_options;

static const char *const names[] = {"client_id", "username", NULL};

CMP_OPTIONS(client_rows, bearer_client) = {
    CMP_ROW("client", STRING, bearer_client, client, "as the authorization server names it",
            CMP_REQUIRED),
    CMP_ROW("peer", STRING, bearer_client, peer, "who that is here", CMP_REQUIRED),
    CMP_OPTION_END,
};

CMP_OPTIONS(rows, bearer_options) = {
    CMP_ROW("url", STRING, bearer_options, url, "https address of the introspection endpoint",
            CMP_REQUIRED),
    CMP_ROW("ca", PATH, bearer_options, ca, "PEM file; without it the system's authorities"),
    CMP_ROW("id", STRING, bearer_options, id, "who we are there", CMP_REQUIRED, CMP_RANGE(1, 256)),
    CMP_ROW("secret", SECRET, bearer_options, secret, "and how we prove it", CMP_REQUIRED),
    CMP_ROW_ENUM("by", bearer_options, by, names, "what of its answer names the client",
                 CMP_DEFAULT("client_id")),
    CMP_ROW_ROWS("clients", bearer_options, clients, client_rows, "which client is which peer",
                 CMP_REQUIRED),
    CMP_ROW("timeout", DURATION, bearer_options, timeout_ms, "for an answer", CMP_DEFAULT("1s"),
            CMP_RANGE(10, 60000)),
    CMP_ROW("waiting", INTEGER, bearer_options, waiting, "tokens of one worker that are asked for",
            CMP_DEFAULT("1000"), CMP_RANGE(1, 100000)),
    CMP_OPTION_END,
};

static void bearer_check(const cmp_host *host, const void *options, cmp_report *report);
static void *bearer_create(const cmp_host *host, const void *options, void *previous,
                           cmp_report *report);
static void bearer_destroy(void *instance);
static void *bearer_worker_start(void *instance, cmp_loop *loop);
static void bearer_worker_stop(void *instance, void *worker);
static cmp_auth_verdict bearer_verify(void *instance, void *worker, cmp_op op,
                                      cmp_auth_answer *answer);
static void bearer_cancel(void *instance, void *worker, cmp_op op, void *data);

static const char *const headers[] = {"authorization", NULL};

static const cmp_auth_ops ops = {
    .size = sizeof(ops),
    .verify = bearer_verify,
    .cancel = bearer_cancel,
    .headers = headers,
    .challenge = "Bearer realm=\"mc-3\"", /* RFC 6750, 3 */
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "auth_bearer",
    .kind = CMP_PLUGIN_AUTH,
    .services = CMP_SERVICE_LOOP | CMP_SERVICE_HTTPS | CMP_SERVICE_PEERS,
    .version = "1.0",
    .summary = "bearer tokens that an authorization server vouches for",
    CMP_PLUGIN_OPTIONS(rows),
    .check = bearer_check,
    .create = bearer_create,
    .worker_start = bearer_worker_start,
    .worker_stop = bearer_worker_stop,
    .destroy = bearer_destroy,
    .ops.auth = &ops,
};

/* ---- life ---- */

typedef struct bearer {
    const cmp_host *host;
    const bearer_options *options;
    cmp_origin *origin;
    char *authorization; /* ours, at the authorization server (RFC 7617) */
    kit_trouble trouble;
} bearer;

typedef struct bearer_worker {
    bearer *owner;
    cmp_loop *loop;
    int64_t waiting;
} bearer_worker;

/* One token that is asked for: from verify until its completion. */
typedef struct question {
    bearer_worker *worker;
    cmp_op op;
    cmp_call *call;
} question;

static void bearer_check(const cmp_host *host, const void *options, cmp_report *report)
{
    const bearer_options *o = options;
    const bearer_client *clients = o->clients.at;
    for (size_t i = 0; i < o->clients.count; i++) {
        cmp_peer peer;
        if (!host->peer_find(host, cmp_str_from(clients[i].peer), &peer)) {
            char key[48];
            snprintf(key, sizeof(key), "clients[%zu].peer", i);
            host->report(report, key, "there is no peer of the name \"%s\"", clients[i].peer);
        }
    }
    if (strchr(o->id, ':') != NULL) {
        host->report(report, "id", "has no colon (RFC 7617, 2)");
    }
}

static char *basic(const char *id, const char *secret)
{
    const size_t size = strlen(id) + 1 + strlen(secret);
    char *pair = kit_alloc(size + 1), *text = kit_alloc(6 + KIT_BASE64_SIZE(size) + 1);
    snprintf(pair, size + 1, "%s:%s", id, secret);
    memcpy(text, "Basic ", 6);
    text[6 + kit_base64_encode((const uint8_t *)pair, size, text + 6)] = '\0';
    explicit_bzero(pair, size);
    free(pair);
    return text;
}

static void *bearer_create(const cmp_host *host, const void *options, void *previous,
                           cmp_report *report)
{
    (void)previous;
    const bearer_options *o = options;
    const cmp_origin_options server = {.url = o->url,
                                       .ca = o->ca,
                                       .connect_timeout_ms = (uint64_t)o->timeout_ms};
    char error[512];
    cmp_origin *origin = host->origin_open(host, &server, error, sizeof(error));
    if (origin == NULL) {
        host->report(report, "url", "%s", error);
        return NULL;
    }
    bearer *self = kit_calloc(1, sizeof(*self));
    self->host = host;
    self->options = o;
    self->origin = origin;
    self->authorization = basic(o->id, o->secret);
    kit_trouble_init(&self->trouble);
    return self;
}

static void bearer_destroy(void *instance)
{
    bearer *self = instance;
    self->host->origin_close(self->origin);
    kit_trouble_dispose(&self->trouble);
    explicit_bzero(self->authorization, strlen(self->authorization));
    free(self->authorization);
    free(self);
}

static void *bearer_worker_start(void *instance, cmp_loop *loop)
{
    bearer_worker *w = kit_calloc(1, sizeof(*w));
    w->owner = instance;
    w->loop = loop;
    return w;
}

/* No operation is under way any more, and so no question. */
static void bearer_worker_stop(void *instance, void *worker)
{
    (void)instance;
    free(worker);
}

/* ---- the answer ---- */

static void settle(question *q, cmp_auth_verdict verdict, const cmp_auth_answer *answer)
{
    const cmp_host *host = q->worker->owner->host;
    const cmp_op op = q->op;
    q->worker->waiting--;
    free(q);
    cmp_auth_complete(host, op, verdict, answer);
}

static const char *peer_of(const bearer_options *o, const char *client)
{
    const bearer_client *clients = o->clients.at;
    for (size_t i = 0; i < o->clients.count; i++) {
        if (client != NULL && strcmp(clients[i].client, client) == 0) {
            return clients[i].peer;
        }
    }
    return NULL;
}

/* An absent time is no limit. */
static bool is_past(const json_t *time, int64_t now_ms)
{
    return json_is_number(time) && json_number_value(time) * 1000.0 <= (double)now_ms;
}

static bool is_bearer(const json_t *type)
{
    return type == NULL ||
           (json_is_string(type) &&
            kit_ascii_equal_fold(cmp_str_from(json_string_value(type)), CMP_STR("Bearer")));
}

/* What the server says of the token (RFC 7662, 2.2). */
static cmp_auth_verdict judge(const bearer *self, const json_t *said, cmp_auth_answer *answer)
{
    const char *client = json_string_value(json_object_get(said, names[self->options->by]));
    const char *peer = peer_of(self->options, client);
    const json_t *active = json_object_get(said, "active");
    const int64_t now_ms = self->host->now_ms(self->host);
    const json_t *begin = json_object_get(said, "nbf");
    answer->reason = !json_is_true(active)                           ? "the token is not active"
                     : is_past(json_object_get(said, "exp"), now_ms) ? "the token has expired"
                     : begin != NULL && !is_past(begin, now_ms)      ? "the token is not valid yet"
                     : !is_bearer(json_object_get(said, "token_type")) ? "it is no bearer token"
                     : peer == NULL ? "the token is of a client that is no peer"
                                    : NULL;
    /* Whoever has it may use it as often as he likes: it signs nothing that could be a replay. */
    answer->once = CMP_ONCE_NO;
    answer->peer = cmp_str_from(peer);
    return answer->reason == NULL ? CMP_AUTH_ACCEPT : CMP_AUTH_REJECT;
}

/* Why an answer is none; NULL when it is one. The token stays out of every line. */
static const char *fault_of(const cmp_https_answer *a, const json_t *said)
{
    if (a->result != CMP_HTTPS_ANSWERED) {
        return a->detail != NULL ? a->detail : "no answer";
    }
    if (a->status == 401 || a->status == 403) {
        return "it does not let us ask";
    }
    return a->status == 200 && json_is_boolean(json_object_get(said, "active"))
               ? NULL
               : "its answer is no introspection";
}

static void on_answer(void *arg, const cmp_https_answer *a)
{
    question *q = arg;
    bearer *self = q->worker->owner;
    cmp_auth_answer answer = {.once = CMP_ONCE_NO};
    json_t *said = a->result == CMP_HTTPS_ANSWERED
                       ? json_loadb(a->body.at, a->body.size, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    const char *fault = fault_of(a, said);
    if (fault != NULL) {
        kit_trouble_say(&self->trouble, self->host, "%s: %s", self->options->url, fault);
        answer.reason = "the authorization server cannot be asked";
        settle(q, CMP_AUTH_UNAVAILABLE, &answer);
    } else {
        kit_trouble_over(&self->trouble, self->host, "the authorization server answers again");
        const cmp_auth_verdict verdict = judge(self, said, &answer);
        settle(q, verdict, &answer);
    }
    json_decref(said);
}

/* ---- the question ---- */

/* b64token of RFC 6750, 2.1. */
static bool token_good(cmp_str token)
{
    static const char others[] = "-._~+/";
    size_t end = token.size;
    while (end > 0 && token.at[end - 1] == '=') {
        end--;
    }
    for (size_t i = 0; i < end; i++) {
        const char c = token.at[i], lower = kit_ascii_lower(c);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || strchr(others, c) == NULL)) {
            return false;
        }
    }
    return end > 0 && token.size <= TOKEN_MAX;
}

/* As a form (RFC 7662, 2.1); of a good token three characters have to be escaped. */
static cmp_str form_of(const cmp_host *host, cmp_op op, cmp_str token)
{
    static const cmp_str head = {"token=", 6};
    char *text = host->txn_alloc(host, op, head.size + 3 * token.size);
    char *to = mempcpy(text, head.at, head.size);
    for (size_t i = 0; i < token.size; i++) {
        const char c = token.at[i];
        if (c == '+' || c == '/' || c == '=') {
            to = mempcpy(to, c == '+' ? "%2B" : c == '/' ? "%2F" : "%3D", 3);
        } else {
            *to++ = c;
        }
    }
    return (cmp_str){text, (size_t)(to - text)};
}

static void ask(bearer_worker *w, cmp_op op, cmp_str token)
{
    bearer *self = w->owner;
    const cmp_host *host = self->host;
    const cmp_https_request request = {
        .method = "POST",
        .content_type = CMP_STR("application/x-www-form-urlencoded"),
        .body = form_of(host, op, token),
        .accept = CMP_STR("application/json"),
        .authorization = cmp_str_from(self->authorization),
        .timeout_ms = (uint64_t)self->options->timeout_ms,
        .answer_max = ANSWER_MAX,
    };
    question *q = kit_calloc(1, sizeof(*q));
    q->worker = w;
    q->op = op;
    w->waiting++;
    host->op_data(host, op, q);
    q->call = host->https_start(host, w->loop, self->origin, &request, on_answer, q);
}

/* The token of the header field; absent when there is none, empty when it is of another kind. */
static cmp_str header_token(cmp_str value)
{
    static const cmp_str scheme = {"Bearer ", 7};
    if (value.at == NULL || value.size <= scheme.size ||
        !kit_ascii_equal_fold((cmp_str){value.at, scheme.size}, scheme)) {
        return CMP_NONE;
    }
    return (cmp_str){value.at + scheme.size, value.size - scheme.size};
}

static cmp_auth_verdict reject(cmp_auth_answer *answer, const char *reason)
{
    answer->reason = reason;
    return CMP_AUTH_REJECT;
}

/* Without a token it is not for us: whoever comes next in the chain may know more. */
static cmp_auth_verdict bearer_verify(void *instance, void *worker, cmp_op op,
                                      cmp_auth_answer *answer)
{
    const bearer *self = instance;
    bearer_worker *w = worker;
    const cmp_str value = self->host->txn_header(self->host, op, "authorization");
    const cmp_str parameter = self->host->txn_consume(self->host, op, PARAMETER);
    const cmp_str token = value.at != NULL ? header_token(value) : parameter;
    if (token.at == NULL) {
        return parameter.at == NULL ? CMP_AUTH_ABSTAIN
                                    : reject(answer, "a token beside other credentials");
    }
    if (value.at != NULL && parameter.at != NULL) { /* RFC 6750, 2 */
        return reject(answer, "a token in two places");
    }
    if (!token_good(token)) {
        return reject(answer, "the token is malformed");
    }
    if (w->waiting >= self->options->waiting) {
        answer->reason = "too many tokens are asked for";
        return CMP_AUTH_UNAVAILABLE;
    }
    ask(w, op, token);
    return CMP_AUTH_PENDING;
}

static void bearer_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)worker, (void)op;
    const bearer *self = instance;
    question *q = data;
    self->host->https_cancel(q->call);
    settle(q, CMP_AUTH_UNAVAILABLE, NULL);
}
