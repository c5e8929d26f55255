/* SPDX-License-Identifier: Apache-2.0 */
/* Octets to parameters. Before authentication, so it is cheap, and looks at no more than it must.
 */
#include "mc/decode.h"
#include "pipeline/step.h"

#include <cmp-kit/text.h>
#include <cmp-kit/uuid.h>

/* MC-1: what only CMPs say to each other is refused, and the Home CMP makes the tid. */
static bool complete_handset_message(txn *t, fault *f)
{
    cmp_str *params = t->request.message.params;
    for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
        if (params[param].at != NULL && param_at_hop(param) == PARAM_MADE) {
            *f = (fault){.code = ERROR_INVALID_PARAMETER,
                         .parameter = param_name(param),
                         .detail = "This parameter is not allowed on MC-1"};
            return false;
        }
    }
    char *tid = kit_arena_alloc(&t->memory, KIT_UUID_TEXT_SIZE);
    kit_uuid_v7_make(t->request.now_ms, tid);
    params[CMP_PARAM_TID] = (cmp_str){tid, KIT_UUID_TEXT_SIZE};
    /* Table 19 wants a user at every hop behind us. A fresh one links no two requests. */
    if (params[CMP_PARAM_USER].at == NULL) {
        char *user = kit_arena_alloc(&t->memory, KIT_UUID_TEXT_SIZE);
        kit_uuid_v7_make(t->request.now_ms, user);
        params[CMP_PARAM_USER] = (cmp_str){user, KIT_UUID_TEXT_SIZE};
    }
    return true;
}

/* Table 19's `language` is for tailoring the answer; what the handset says itself goes before what
 * its browser says of every page. In lower case, as ISO 639-1 is written. */
static void take_language(txn *t)
{
    cmp_str *language = &t->request.message.params[CMP_PARAM_LANGUAGE];
    if (language->at != NULL || t->language.at == NULL) {
        return;
    }
    char *code = kit_arena_alloc(&t->memory, t->language.size);
    for (size_t i = 0; i < t->language.size; i++) {
        code[i] = kit_ascii_lower(t->language.at[i]);
    }
    *language = (cmp_str){code, t->language.size};
}

/* While the signature is checked, memory comes nearer. Nothing is touched but the processor's
 * cache: a stranger's request may get so far. Of the first store only: what is further back seldom
 * decides. */
static void prefetch(const txn *t)
{
    const chain *stores = &t->generation->stores;
    if (stores->count == 0) {
        return;
    }
    const instance *store = stores->at[0];
    if (store->plugin->ops.store->prefetch != NULL && !instance_blocks(store)) {
        const uintptr_t before = instance_enter(store, RUNNING_PREFETCH);
        store->plugin->ops.store->prefetch(store->self, store->worker_state[t->worker->index],
                                           t->request.message.params[CMP_PARAM_ICI]);
        running_leave(before);
    }
}

step_result step_decode(txn *t)
{
    fault f = {.code = ERROR_MALFORMED};
    bool read = t->carriage == CARRIAGE_JSON
                    ? decode_json(t->text, &t->memory, &t->request.message, &f)
                    : decode_form(t->text, &t->memory, &t->request.message, &f);
    if (read && t->request.interface == CMP_INTERFACE_MC1) {
        read = complete_handset_message(t, &f);
        take_language(t);
    }
    /* Without tid or ici there is nothing that a signature could be checked against. */
    if (!read || !message_identified(&t->request.message, &f)) {
        return step_fault(t, &f);
    }
    prefetch(t);
    return STEP_NEXT;
}
