/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal is told of a transaction (SPEC 7): collected on its way, one record at its end,
 * and one for each attempt to a next hop. Where there is no journal all of this does nothing.
 *
 * A look at the clock costs 54 ns, so whoever counts the same event hands on its own; between steps
 * that do not wait there is one only for one of many transactions. */
#pragma once

#include "pipeline/txn.h"

/* Whether the transaction has to be refused, since its record might find no room. */
bool account_refuses(const txn *t);

/* It goes on, perhaps for the first time. */
void account_begin(txn *t);

/* It waited in that step, since t->waits_since_us; by clock_monotonic_us, as all that follow. */
void account_wait(txn *t, const char *step, int64_t now_us);

/* That step has come to a result. */
void account_step(txn *t, const char *step);

/* It was not authenticated: copied, as the reason is lent. */
void account_rejection(txn *t, const char *plugin, const char *reason);

/* The attempt to the next hop begins, with so many octets of a message; and is over. NULL: nobody
 * waits for its answer any more. */
void account_send(txn *t, size_t octets);
void account_attempt(txn *t, const cmp_https_answer *answer, int64_t now_us);

/* It was answered; `answer` as in pipeline_end, `ici` and `who` as the log shows them. */
void account_end(txn *t, const txn_answer *answer, cmp_str ici, cmp_str who, int64_t took_us);
