/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that outlast their plugin's turn. */
#pragma once

#include "host/ops.h"

/* For who looks at an answer later than in `done`: copies what it points to into the operation's
 * `memory`, of what its verdict means; the rest of it says nothing then. Once, in `done`. */
void host_answer_own(host_op *op);
