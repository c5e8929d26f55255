/* SPDX-License-Identifier: Apache-2.0 */
/* The log line of a request that was answered: `log.requests` says at which level, for how many of
 * them, and whether it names the source. Nothing personal is in it. */
#pragma once

#include "pipeline/txn.h"

/* `answer` as in pipeline_end, `ici` and `who` as the log shows them. On the worker's thread. */
void request_log(const txn *t, const txn_answer *answer, cmp_str ici, cmp_str who, int64_t took_us);
