/* SPDX-License-Identifier: Apache-2.0 */
/* Each signed request once: what authentication accepted goes through the replay memory, and
 * nothing else does, so that nobody can burn another's tid. */
#include "base/hash.h"
#include "pipeline/step.h"

#define RETRY_S 5

/* Tells an identical repeat from a replay that differs in what is not signed: 9.3.2 signs tid and
 * ici only. Absent and empty are told apart. */
static uint64_t digest_of(const message *m)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < CMP_PARAM_MAX; i++) {
        digest = digest * 31 + hash_str(m->params[i]) + (m->params[i].at != NULL);
    }
    for (size_t i = 0; i < m->contextual_count; i++) {
        digest = digest * 31 + hash_str(m->contextual[i].name);
        digest = digest * 31 + hash_str(m->contextual[i].value);
    }
    return digest;
}

step_result step_once(txn *t)
{
    if (t->once == CMP_ONCE_NO) {
        return STEP_NEXT;
    }
    const uint64_t digest = t->once == CMP_ONCE_IDENTICAL ? digest_of(&t->request.message) : 0;
    switch (replay_remember(t->worker->process->replay, t->credential, t->fingerprint, digest,
                            t->request.now_ms)) {
    case REPLAY_NEW:
        t->remembered = true;
        return STEP_NEXT;
    case REPLAY_IDENTICAL:
        if (t->once == CMP_ONCE_IDENTICAL) {
            return STEP_NEXT;
        }
        break;
    case REPLAY_DIFFERENT:
        break;
    case REPLAY_FULL:
        return step_retry(t, ERROR_RATE_LIMITED, RETRY_S, "The replay memory for this key is full");
    }
    return step_refuse(t, ERROR_REPLAYED, CMP_NONE, NULL);
}
