/* SPDX-License-Identifier: Apache-2.0 */
/* See own.h. */
#include "host/own.h"

static cmp_condition *own_conditions(kit_arena *a, const cmp_variant *v)
{
    cmp_condition *own = kit_arena_calloc(a, v->condition_count, sizeof(*own));
    for (size_t i = 0; i < v->condition_count; i++) {
        own[i] = (cmp_condition){kit_arena_copy(a, v->conditions[i].name),
                                 kit_arena_copy(a, v->conditions[i].value)};
    }
    return own;
}

static cmp_variant *own_variants(kit_arena *a, const cmp_record *r)
{
    cmp_variant *own = kit_arena_calloc(a, r->variant_count, sizeof(*own));
    for (size_t i = 0; i < r->variant_count; i++) {
        own[i] = r->variants[i];
        own[i].content = kit_arena_copy(a, own[i].content);
        own[i].content_type = kit_arena_copy(a, own[i].content_type);
        own[i].conditions = own_conditions(a, &r->variants[i]);
    }
    return own;
}

/* The type of a transferred record was not looked at: it has no content. */
static void own_record(kit_arena *a, cmp_record *r)
{
    const bool transferred = r->transferred_to.at != NULL;
    r->content = kit_arena_copy(a, r->content);
    r->content_type = transferred ? CMP_NONE : kit_arena_copy(a, r->content_type);
    r->transferred_to = kit_arena_copy(a, r->transferred_to);
    r->variants = r->variant_count > 0 ? own_variants(a, r) : NULL;
}

static void own_verify(host_op *op)
{
    cmp_auth_answer *said = &op->answer.auth;
    const bool accepts = op->verdict == CMP_AUTH_ACCEPT;
    const bool names = accepts || op->verdict == CMP_AUTH_ABSTAIN;
    said->peer = names ? kit_arena_copy(&op->memory, said->peer) : CMP_NONE;
    said->credential = accepts ? kit_arena_copy(&op->memory, said->credential) : CMP_NONE;
}

static const cmp_pair *own_headers(kit_arena *a, const cmp_signature *s)
{
    if (s->header_count == 0) {
        return NULL;
    }
    cmp_pair *own = kit_arena_calloc(a, s->header_count, sizeof(*own));
    for (size_t i = 0; i < s->header_count; i++) {
        own[i] = (cmp_pair){kit_arena_copy(a, s->headers[i].name),
                            kit_arena_copy(a, s->headers[i].value)};
    }
    return own;
}

static void own_sign(host_op *op)
{
    cmp_signature *s = &op->answer.signature;
    if (op->verdict != CMP_SIGN_DONE) {
        host_answer_clear(HOST_SIGN, &op->answer);
        return;
    }
    s->apikeyid = kit_arena_copy(&op->memory, s->apikeyid);
    s->headers = own_headers(&op->memory, s);
}

static void own_lookup(host_op *op)
{
    if (op->verdict == CMP_STORE_FOUND) {
        own_record(&op->memory, &op->answer.record);
    } else {
        host_answer_clear(HOST_LOOKUP, &op->answer);
    }
}

static void own_route(host_op *op)
{
    kit_arena *a = &op->memory;
    cmp_route_answer *said = &op->answer.route;
    const bool forwards = op->verdict == CMP_ROUTE_FORWARD;
    const bool refers = op->verdict == CMP_ROUTE_REFERRAL;
    said->peer = forwards ? kit_arena_copy(a, said->peer) : CMP_NONE;
    said->addr = forwards || refers ? kit_arena_copy(a, said->addr) : CMP_NONE;
    said->prefix = refers ? kit_arena_copy(a, said->prefix) : CMP_NONE;
    if (op->verdict == CMP_ROUTE_ANSWER) {
        cmp_record *own = kit_arena_alloc(a, sizeof(*own));
        *own = *said->record;
        own_record(a, own);
        said->record = own;
    } else {
        said->record = NULL;
    }
}

void host_answer_own(host_op *op)
{
    switch (op->ask) {
    case HOST_VERIFY:
        own_verify(op);
        break;
    case HOST_SIGN:
        own_sign(op);
        break;
    case HOST_LOOKUP:
        own_lookup(op);
        break;
    case HOST_ROUTE:
        own_route(op);
        break;
    }
}
