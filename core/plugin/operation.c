/* SPDX-License-Identifier: Apache-2.0 */
/* See operation.h. */
#include "plugin/operation.h"

#include "plugin/abi_record.h"

_Static_assert(CMP_AUTH_PENDING == OPERATION_PENDING, "auth verdicts begin with PENDING");
_Static_assert(CMP_SIGN_PENDING == OPERATION_PENDING, "sign verdicts begin with PENDING");
_Static_assert(CMP_STORE_PENDING == OPERATION_PENDING, "store verdicts begin with PENDING");
_Static_assert(CMP_ROUTE_PENDING == OPERATION_PENDING, "route verdicts begin with PENDING");

/* A plugin writes what it has to say, and no more: what it leaves is to mean the least. */
static void verify_begin(operation_answer *answer)
{
    answer->auth = (cmp_auth_answer){.once = CMP_ONCE_NO};
}

static int verify_call(const instance *i, void *worker_state, cmp_op op,
                       const operation_subject *subject, operation_answer *answer)
{
    (void)subject;
    return (int)i->plugin->ops.auth->verify(i->self, worker_state, op, &answer->auth);
}

/* A verification is about the transaction itself, which the pool's thread gets a copy of anyhow. */
static void nothing_to_own(operation_subject *subject, kit_arena *memory)
{
    (void)subject, (void)memory;
}

static void sign_begin(operation_answer *answer)
{
    answer->signature.apikeyid = CMP_NONE;
    answer->signature.size = 0;
    answer->signature.headers = NULL;
    answer->signature.header_count = 0;
}

static int sign_call(const instance *i, void *worker_state, cmp_op op,
                     const operation_subject *subject, operation_answer *answer)
{
    return (int)i->plugin->ops.auth->sign(i->self, worker_state, &subject->outgoing, op,
                                          &answer->signature);
}

/* For what waits or goes to another thread: the subject lies on the stack of who asks. */
static void sign_own(operation_subject *subject, kit_arena *memory)
{
    subject->outgoing = (cmp_outgoing){.peer = kit_arena_copy(memory, subject->outgoing.peer),
                                       .tid = kit_arena_copy(memory, subject->outgoing.tid),
                                       .ici = kit_arena_copy(memory, subject->outgoing.ici)};
}

static void lookup_begin(operation_answer *answer)
{
    answer->record = CMP_RECORD_INIT;
}

static int lookup_call(const instance *i, void *worker_state, cmp_op op,
                       const operation_subject *subject, operation_answer *answer)
{
    return (int)i->plugin->ops.store->lookup(i->self, worker_state, subject->ici, op,
                                             &answer->record);
}

static void lookup_adopt(int verdict, const abi_layout *older, kit_arena *memory,
                         operation_answer *answer)
{
    if (verdict == CMP_STORE_FOUND) {
        abi_record_adopt(older, memory, &answer->record);
    }
}

static void lookup_own(operation_subject *subject, kit_arena *memory)
{
    subject->ici = kit_arena_copy(memory, subject->ici);
}

static void route_begin(operation_answer *answer)
{
    answer->route = (cmp_route_answer){.record = NULL};
}

static int route_call(const instance *i, void *worker_state, cmp_op op,
                      const operation_subject *subject, operation_answer *answer)
{
    return (int)i->plugin->ops.route->route(i->self, worker_state, subject->route.reason,
                                            subject->route.target, op, &answer->route);
}

static void route_adopt(int verdict, const abi_layout *older, kit_arena *memory,
                        operation_answer *answer)
{
    if (verdict == CMP_ROUTE_ANSWER && answer->route.record != NULL) {
        cmp_record *ours = kit_arena_alloc(memory, sizeof(*ours));
        abi_record_read(older, answer->route.record, memory, ours);
        answer->route.record = ours;
    }
}

static void route_own(operation_subject *subject, kit_arena *memory)
{
    subject->route.target = kit_arena_copy(memory, subject->route.target);
}

typedef void (*cancel_fn)(void *self, void *worker_state, cmp_op op, void *data);

static cancel_fn auth_cancel(const instance *i)
{
    return i->plugin->ops.auth->cancel;
}

static cancel_fn store_cancel(const instance *i)
{
    return i->plugin->ops.store->cancel;
}

static cancel_fn route_cancel(const instance *i)
{
    return i->plugin->ops.route->cancel;
}

const operation operation_verify = {.function = RUNNING_VERIFY,
                                    .unavailable = CMP_AUTH_UNAVAILABLE,
                                    .last = CMP_AUTH_UNAVAILABLE,
                                    .answer = ABI_cmp_auth_answer,
                                    .answer_size = sizeof(cmp_auth_answer),
                                    .begin = verify_begin,
                                    .call = verify_call,
                                    .own = nothing_to_own,
                                    .cancel = auth_cancel};
const operation operation_sign = {.function = RUNNING_SIGN,
                                  .unavailable = CMP_SIGN_UNAVAILABLE,
                                  .last = CMP_SIGN_UNAVAILABLE,
                                  .answer = ABI_cmp_signature,
                                  .answer_size = sizeof(cmp_signature),
                                  .begin = sign_begin,
                                  .call = sign_call,
                                  .own = sign_own,
                                  .cancel = auth_cancel};
const operation operation_lookup = {.function = RUNNING_LOOKUP,
                                    .unavailable = CMP_STORE_UNAVAILABLE,
                                    .last = CMP_STORE_UNAVAILABLE,
                                    .answer = ABI_cmp_record,
                                    .answer_size = sizeof(cmp_record),
                                    .begin = lookup_begin,
                                    .call = lookup_call,
                                    .adopt = lookup_adopt,
                                    .own = lookup_own,
                                    .cancel = store_cancel};
const operation operation_route = {.function = RUNNING_ROUTE,
                                   .unavailable = CMP_ROUTE_UNAVAILABLE,
                                   .last = CMP_ROUTE_ANSWER,
                                   .answer = ABI_cmp_route_answer,
                                   .answer_size = sizeof(cmp_route_answer),
                                   .begin = route_begin,
                                   .call = route_call,
                                   .adopt = route_adopt,
                                   .own = route_own,
                                   .cancel = route_cancel};
