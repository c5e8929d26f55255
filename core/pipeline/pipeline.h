/* Moves transactions through their steps. */
#pragma once

#include "pipeline/txn.h"

/* Runs the transaction from the step where it stands until it waits or is answered. After this the
 * transaction may be gone. */
void pipeline_run(cmp_txn *t);

/* Answers with an error that was found before the pipeline (HTTP's own). */
void pipeline_refuse(cmp_txn *t, error_code code, cmp_str parameter, const char *detail);

/* Counts a request that HTTP refused by itself, without a transaction. */
void pipeline_count_refused(error_code code);

/* Ends the transaction: settles the replay memory, counts, logs, and closes it when nothing holds
 * it any more. `a` is what was answered; NULL when the client had gone. */
void pipeline_end(cmp_txn *t, const txn_answer *a);

/* Registers the pipeline's counters; once, before workers start. */
void pipeline_setup(void);
