/* SPDX-License-Identifier: Apache-2.0 */
/* Forwarding to the next hop (SPEC 5): what the steps and the deadline need to know of it. */
#pragma once

#include "pipeline/txn.h"

/* Sets where the transaction goes; step_forward does the rest. `addr` is copied; absent: the peer
 * itself is meant. */
void forward_prepare(txn *t, peer *to, cmp_str addr, bool may_refer);

/* Begins one attempt: it is a transaction of its own, with a fresh tid. */
void forward_renew(txn *t);

/* Signs it, where the peer wants that. PENDING: to be called again when the transaction is resumed.
 * What is wrong was logged. */
CMP_MUST_USE cmp_sign_verdict forward_sign(txn *t);

/* Why there is no signature: of NO_KEY and UNAVAILABLE. Static. */
const char *forward_sign_fault(cmp_sign_verdict verdict);

/* Sends it, signed, to the peer's URL: count + 1, and what may be released. The answer comes to
 * `done` as at outbound_start. */
void forward_send(txn *t, origin *url, uint64_t timeout_ms,
                  void (*done)(void *arg, const cmp_https_answer *answer));
