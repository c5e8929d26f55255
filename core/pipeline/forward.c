/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the request to the next hop from the one that came in, and sends it. */
#include "pipeline/forward.h"

#include "base/clock.h"
#include "base/log_limit.h"
#include "mc/query.h"
#include "pipeline/accounting.h"
#include "pipeline/release.h"
#include "pipeline/tally.h"
#include "pipeline/trace.h"

#include <cmp-kit/text.h>

#include <openssl/hmac.h>
#include <stdio.h>

#define ANSWER_SIZE_MAX     ((size_t)128 * 1024)
#define PSEUDONYM_OCTETS    16 /* of the MAC: enough that no two users meet */
#define ORIGIN_TID          "origin-tid"
#define FORWARD_HEADERS_MAX (1 + CMP_SIGNATURE_HEADERS_MAX)

static log_limit not_signed = {
    .level = CMP_LOG_ERROR,
    .area = "forward",
    .what = "requests that could not be signed",
    .name = "peer",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

static const way *way_to(const txn *t)
{
    return &t->generation->ways[t->hop->to->index];
}

void forward_prepare(txn *t, peer *to, cmp_str addr, bool may_refer)
{
    if (t->hop == NULL) {
        t->hop = kit_arena_calloc(&t->memory, 1, sizeof(*t->hop));
    }
    t->hop->to = to;
    t->hop->addr = kit_arena_copy(&t->memory, addr);
    t->hop->may_refer = may_refer;
    /* A referral leads to another peer, with URLs of its own. */
    t->hop->tried = 0;
    t->hop->repeated = false;
}

static bool is_withheld(const way *w, cmp_str name)
{
    return release_withholds(&w->conf->release, name);
}

/* Stable for one user and peer, of no use to anybody else. Keyed, since users are few enough to try
 * all their hashes; with a NUL between, which neither part can contain, so that no peer and user
 * spell another pair. */
static cmp_str pseudonym(txn *t, cmp_str user)
{
    const cmp_str secret = keyring_pseudonym_secret(t->worker->keyring);
    const cmp_str name = t->hop->to->name;
    unsigned char *text = kit_arena_alloc(&t->memory, name.size + 1 + user.size);
    memcpy(text, name.at, name.size);
    text[name.size] = 0;
    memcpy(text + name.size + 1, user.at, user.size);
    unsigned char mac[EVP_MAX_MD_SIZE];
    HMAC(EVP_sha256(), secret.at, (int)secret.size, text, name.size + 1 + user.size, mac, NULL);
    char *hex = kit_arena_alloc(&t->memory, (size_t)2 * PSEUDONYM_OCTETS);
    kit_hex_encode(mac, PSEUDONYM_OCTETS, hex);
    return (cmp_str){hex, (size_t)2 * PSEUDONYM_OCTETS};
}

static void add_optional(txn *t, const way *w, query *q)
{
    for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
        const cmp_str name = param_name(param);
        if (param_at_hop(param) == PARAM_PASSED && !is_withheld(w, name)) {
            query_add(q, name.at, t->request.message.params[param]);
        }
    }
}

static void add_contextual(txn *t, const way *w, query *q)
{
    if (is_withheld(w, CMP_STR(RELEASE_CONTEXTUAL))) {
        return;
    }
    for (size_t i = 0; i < t->request.message.contextual_count; i++) {
        const cmp_pair *pair = &t->request.message.contextual[i];
        /* A hop before us may have sent one: ours takes its place. */
        const bool ours = w->conf->origin_tid && cmp_str_equal(pair->name, CMP_STR(ORIGIN_TID));
        if (!ours && !is_withheld(w, pair->name)) {
            query_add(q, kit_arena_text(&t->memory, pair->name), pair->value);
        }
    }
}

_Static_assert(FORWARD_HEADERS_MAX <= CMP_HTTPS_HEADERS_MAX, "none of them is left out");
_Static_assert(QUERY_PAIRS_MAX > CMP_PARAM_MAX + CONTEXTUAL_MAX, "nothing is left out silently");

static void build_message(txn *t, const way *w, query *q)
{
    const cmp_str user = t->request.message.params[CMP_PARAM_USER];
    query_add(q, "tid", (cmp_str){t->hop->tid, KIT_UUID_TEXT_SIZE});
    query_add(q, "ici", t->request.message.params[CMP_PARAM_ICI]);
    query_add(q, "user", is_withheld(w, CMP_STR("user")) ? pseudonym(t, user) : user);
    /* Or only header fields say who we are (cmp_signature). */
    if (t->hop->signature != NULL && t->hop->signature->size > 0) {
        query_add(q, "apikeyid", t->hop->signature->apikeyid);
        query_add(q, "signature", (cmp_str){t->hop->signature->text, t->hop->signature->size});
    }
    add_optional(t, w, q);
    /* Table 19: every CMP that takes part counts, so that a loop ends at the limit. */
    const char *count =
        kit_arena_printf(&t->memory, "%lld", (long long)t->request.message.count + 1);
    query_add(q, "count", cmp_str_from(count));
    query_add(q, "addr", t->hop->addr);
    add_contextual(t, w, q);
    if (w->conf->origin_tid) {
        query_add(q, ORIGIN_TID, t->request.message.params[CMP_PARAM_TID]);
    }
}

/* Never the requestor's own: two requestors' equal tids would be replays of each other behind us,
 * and so would a second attempt be of the first (SPEC 5). */
void forward_renew(txn *t)
{
    kit_uuid_v7_make(clock_now_ms(), t->hop->tid);
}

const char *forward_sign_fault(cmp_sign_verdict verdict)
{
    return verdict == CMP_SIGN_NO_KEY ? "no received key is valid now" : "unavailable";
}

/* The credential is the one that the next hop issued to us (9.3.2). */
cmp_sign_verdict forward_sign(txn *t)
{
    const way *w = way_to(t);
    t->hop->signature = NULL;
    if (w->signer == NULL) {
        return CMP_SIGN_DONE;
    }
    const cmp_outgoing outgoing = {.peer = t->hop->to->name,
                                   .tid = {t->hop->tid, KIT_UUID_TEXT_SIZE},
                                   .ici = t->request.message.params[CMP_PARAM_ICI]};
    const cmp_sign_verdict verdict = ask_sign(&t->asker, w->signer, &outgoing, &t->hop->signature);
    if (!is_traced(t) && (verdict == CMP_SIGN_NO_KEY || verdict == CMP_SIGN_UNAVAILABLE)) {
        const char *cause = forward_sign_fault(verdict);
        log_limited(&not_signed, t->hop->to->name, cause, NULL, 0,
                    "%s cannot sign to peer %.*s for tid %.*s: %s", w->signer->name,
                    TEXT(t->hop->to->name), TEXT(t->request.message.params[CMP_PARAM_TID]), cause);
    }
    return verdict;
}

/* Beside those that every request has. Returns how many. */
static size_t build_headers(const txn *t, cmp_pair headers[FORWARD_HEADERS_MAX])
{
    const cmp_signature *signature = t->hop->signature;
    size_t count = 0;
    if (t->request.traceparent.at != NULL) {
        headers[count++] = (cmp_pair){CMP_STR("traceparent"), t->request.traceparent};
    }
    for (size_t i = 0; signature != NULL && i < signature->header_count; i++) {
        headers[count++] = signature->headers[i];
    }
    return count;
}

static void note_key(const hop *h)
{
    if (h->signature != NULL && h->signature->size > 0) {
        tally_key_used(TALLY_KEY_RECEIVED, label_find_pair(h->to->name, h->signature->apikeyid),
                       clock_now_ms() / 1000);
    }
}

void forward_send(txn *t, origin *url, uint64_t timeout_ms,
                  void (*done)(void *arg, const cmp_https_answer *answer))
{
    const way *w = way_to(t);
    query q;
    query_init(&q, &t->memory);
    build_message(t, w, &q);
    cmp_pair headers[FORWARD_HEADERS_MAX];
    const size_t header_count = build_headers(t, headers);
    cmp_https_request request = {.method = "POST",
                                 .accept = CMP_STR("application/json"),
                                 .headers = headers,
                                 .header_count = header_count,
                                 .timeout_ms = timeout_ms,
                                 .answer_max = ANSWER_SIZE_MAX};
    switch ((conf_carriage)w->conf->carriage) {
    case CONF_CARRIAGE_FORM:
        request.content_type = CMP_STR("application/x-www-form-urlencoded");
        request.body = cmp_str_from(query_form(&q));
        break;
    case CONF_CARRIAGE_QUERY:
        request.method = "GET";
        request.path = cmp_str_from(kit_arena_printf(&t->memory, "?%s", query_form(&q)));
        break;
    case CONF_CARRIAGE_JSON:
        request.content_type = CMP_STR("application/json");
        request.body = cmp_str_from(query_json(&q));
        break;
    }
    note_key(t->hop);
    account_send(t, request.body.size + request.path.size);
    tally_attempt_begin(t->hop->to->label);
    t->hop->began_us = clock_monotonic_us();
    t->hop->call = outbound_start(t->worker->outbound, url, &request, done, t);
    /* A server that goes down ends all its connections: those that still stand may be next. */
    if (t->hop->repeated) {
        outbound_avoid_old(t->hop->call);
    }
}
