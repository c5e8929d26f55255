/* SPDX-License-Identifier: Apache-2.0 */
/* Who sent this request (9.3.2): nothing was executed until here. */
#include "base/log_limit.h"
#include "base/log_source.h"
#include "pipeline/accounting.h"
#include "pipeline/codes.h"
#include "pipeline/step.h"

#define UNAVAILABLE_RETRY_S 5
#define ID_SHOWN_MAX        64

static log_limit rejections = {
    .level = CMP_LOG_NOTICE,
    .area = "authenticate",
    .what = "rejections",
    .name = "source",
    .by = LOG_BY_SOURCE,
    .each = {30, 20},
    .all = {300, 60},
};

/* The cause goes to the operator's log and journal only: who guesses at keys gets one 401 for all.
 */
static void log_rejection(txn *t, const char *plugin, const char *reason)
{
    account_rejection(t, plugin, reason);
    char source[LOG_SOURCE_SIZE];
    cmp_str id = t->request.message.params[CMP_PARAM_APIKEYID];
    cmp_str tid = t->request.message.params[CMP_PARAM_TID];
    id.size = id.size < ID_SHOWN_MAX ? id.size : ID_SHOWN_MAX;
    tid.size = tid.size < ID_SHOWN_MAX ? tid.size : ID_SHOWN_MAX;
    const log_field fields[] = {
        {"listener", t->listener->name},
        log_source(t->request.source, source),
        {"plugin", cmp_str_from(plugin)},
        {"apikeyid", id},
        {"tid", tid},
    };
    log_limited(&rejections, (cmp_str){(const char *)t->request.source, sizeof(t->request.source)},
                reason, fields, sizeof(fields) / sizeof(fields[0]), "rejected: %s", reason);
}

static step_result rejected(txn *t, const char *plugin, const char *reason)
{
    log_rejection(t, plugin, reason != NULL ? reason : "no reason given");
    return step_refuse(t, ERROR_AUTHENTICATION_FAILED, CMP_NONE, NULL);
}

static step_result accepted(txn *t, const instance *i, const cmp_auth_answer *answer)
{
    /* A dedicated link needs no signature, but one that comes must be its peer's (SPEC 4). */
    if (t->expected_peer.at != NULL && !cmp_str_equal(t->expected_peer, answer->peer)) {
        return rejected(t, i->name, "signed by another peer than the dedicated link's");
    }
    peer *requestor = peers_find(t->generation->peers, answer->peer);
    if (requestor == NULL) {
        return rejected(t, i->name, "the plugin named a peer that is not configured");
    }
    txn_set_requestor(t, requestor);
    /* Lent until control is back in the loop; later steps may wait. */
    t->credential = kit_arena_copy(&t->memory, answer->credential);
    t->once = answer->once;
    memcpy(t->fingerprint, answer->fingerprint, sizeof(t->fingerprint));
    return STEP_NEXT;
}

/* The interface codes: a token in place of a signature. It is copied, as the keyring may be
 * replaced before the request has ended. */
static step_result authenticate_bearer(txn *t)
{
    const keyring *keys = t->worker->keyring;
    const token *found =
        keys != NULL ? tokens_find(keyring_tokens(keys), t->codes->bearer, t->request.now_ms)
                     : NULL;
    if (found == NULL) {
        return rejected(t, "", "no valid token");
    }
    token *copy = kit_arena_alloc(&t->memory, sizeof(*copy));
    *copy = *found;
    copy->name = kit_arena_copy(&t->memory, found->name);
    t->bearer = copy;
    return STEP_NEXT;
}

step_result step_authenticate(txn *t)
{
    if (t->purpose == PURPOSE_CODES && t->codes->bearer.at != NULL) {
        return authenticate_bearer(t);
    }
    if (interfaces[t->request.interface].anonymous) {
        return STEP_NEXT; /* handsets are anonymous; step_source limits them by address */
    }
    const chain *auth = &t->listener->auth;
    for (; t->chain_at < auth->count; t->chain_at++) {
        instance *i = auth->at[t->chain_at];
        const cmp_auth_answer *answer;
        const cmp_auth_verdict verdict = ask_verify(&t->asker, i, &answer);
        switch (verdict) {
        case CMP_AUTH_PENDING:
            return STEP_WAIT;
        case CMP_AUTH_ACCEPT:
            return accepted(t, i, answer);
        case CMP_AUTH_REJECT:
            /* Ends the chain: what one plugin found forged, no other may accept. */
            return rejected(t, i->name, answer->reason);
        case CMP_AUTH_UNAVAILABLE:
            log_rejection(t, i->name, answer->reason != NULL ? answer->reason : "unavailable");
            return step_retry(t, ERROR_AUTHENTICATION_UNAVAILABLE, UNAVAILABLE_RETRY_S, NULL);
        case CMP_AUTH_ABSTAIN:
            if (answer->peer.at != NULL && t->expected_peer.at != NULL &&
                !cmp_str_equal(answer->peer, t->expected_peer)) {
                return rejected(t, i->name, "two dedicated links of different peers");
            }
            if (answer->peer.at != NULL) {
                t->expected_peer = kit_arena_copy(&t->memory, answer->peer);
            }
            break;
        }
    }
    return rejected(t, "", "no authentication plugin accepted it");
}
