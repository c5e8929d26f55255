/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal is told of a transaction (SPEC 7): collected on its way, one record at its end,
 * and one for each attempt to a next hop. Where there is no journal all of this does nothing.
 *
 * A look at the clock costs 54 ns, so there is one at the end and two for each wait; between steps
 * that do not wait only for one of many transactions. */
#pragma once

#include "pipeline/txn.h"

/* Whether the transaction has to be refused, since its record might find no room. */
bool account_refuses(const txn *t);

/* It goes on, for the first time or after a wait. */
void account_go(txn *t);

/* It begins to wait in that step. */
void account_wait(txn *t, const char *step);

/* That step has come to a result. */
void account_step(txn *t, const char *step);

/* It was not authenticated: copied, as the reason is lent. */
void account_rejection(txn *t, const char *plugin, const char *reason);

/* The attempt to the next hop begins, with so many octets of a message; and is over. NULL: nobody
 * waits for its answer any more. */
void account_send(txn *t, size_t octets);
void account_attempt(txn *t, const cmp_https_answer *answer);

/* It was answered; `answer` as in pipeline_end, `ici` and `who` as the log shows them. */
void account_end(txn *t, const txn_answer *answer, cmp_str ici, cmp_str who);
