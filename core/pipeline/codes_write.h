/* SPDX-License-Identifier: Apache-2.0 */
/* Writing one record through the interface `codes`. */
#pragma once

#include "pipeline/codes.h"
#include "pipeline/step.h"

/* Puts or removes the request's record in the writable store, all or nothing. */
step_result codes_write_step(txn *t);

/* Nobody waits for the write any more; it goes on. */
void codes_write_abandon(txn *t);
