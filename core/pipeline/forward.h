/* Forwarding to the next hop (SPEC 5): what the steps and the deadline need to know of it. */
#pragma once

#include "pipeline/txn.h"

/* Sets where the transaction goes; step_forward does the rest. `addr` is copied; absent: the peer
 * itself is meant. */
void forward_prepare(cmp_txn *t, peer *to, cmp_str addr, bool lookup);

/* Begins one attempt at the peer's URL: fresh tid, count + 1, what may be released, signed. The
 * answer comes to `done` as at outbound_start. An error when it cannot be signed. */
error_code forward_send(cmp_txn *t, origin *url, uint64_t timeout_ms,
                        void (*done)(void *arg, const cmp_https_answer *answer));

/* Nobody waits for the next hop any more. */
void forward_abandon(cmp_txn *t);
