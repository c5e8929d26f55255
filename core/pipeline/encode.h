/* SPDX-License-Identifier: Apache-2.0 */
/* From a transaction's result to the octets of its answer (SPEC 3 [profile]). */
#pragma once

#include "pipeline/txn.h"

/* Fills the answer; its body lives in memory of the front's. */
void encode_answer(txn *t, txn_answer *a);
