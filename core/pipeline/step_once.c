/* SPDX-License-Identifier: Apache-2.0 */
/* Each signed request once: what authentication accepted goes through the replay memory, and
 * nothing else does, so that nobody can burn another's tid. */
#include "pipeline/step.h"
#include "pipeline/tally.h"

#define RETRY_S 5

step_result step_once(txn *t)
{
    if (t->once == CMP_ONCE_NO) {
        return STEP_NEXT;
    }
    replay *memory = t->worker->process->replay;
    const uint64_t digest = t->once == CMP_ONCE_IDENTICAL
                                ? message_digest(&t->request.message, replay_seed(memory))
                                : 0;
    switch (replay_remember(memory, t->credential, t->fingerprint, digest, t->begun_us / 1000)) {
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
        tally_replay_refused();
        return step_retry(t, ERROR_RATE_LIMITED, RETRY_S, "The replay memory for this key is full");
    }
    return step_refuse(t, ERROR_REPLAYED, CMP_NONE, NULL);
}
