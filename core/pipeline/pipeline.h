/* SPDX-License-Identifier: Apache-2.0 */
/* Moves transactions through their steps. */
#pragma once

#include "pipeline/txn.h"

/* A new transaction that came on this listener, which is of the tenure's generation; the front
 * fills in its part. Never NULL. */
txn *pipeline_open(worker *w, tenure *of, const listener *l);

/* Runs the transaction from the step where it stands until it waits or is answered. After this the
 * transaction may be gone. */
void pipeline_run(txn *t);

/* Answers with an error that was found before the pipeline (HTTP's own). */
void pipeline_refuse(txn *t, error_code code, cmp_str parameter, const char *detail);

/* The front's client is gone; nothing will be sent any more. */
void pipeline_client_gone(txn *t);

/* Counts a request that HTTP refused by itself, without a transaction. */
void pipeline_count_refused(error_code code);

/* Ends the transaction: settles the replay memory, counts, logs, and closes it when nothing holds
 * it any more. `a` is what was answered; NULL when the client had gone. */
void pipeline_end(txn *t, const txn_answer *a);

/* Registers the pipeline's counters; once, before workers start. */
void pipeline_setup(void);

/* The name of a step that may wait, by its number; NULL: it never does, or there is none. */
const char *pipeline_step_name(unsigned number);
