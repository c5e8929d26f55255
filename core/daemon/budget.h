/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: how many the process may have, and for how many connections they are enough. */
#pragma once

#include "conf/conf.h"

typedef struct budget {
    int64_t connections; /* of clients, at most limits.connections */
    int end;             /* no accepted socket from this descriptor on */
} budget;

/* Raises the limit of the process as far as it goes. False when it is too low even for a start;
 * that is said in the log. */
bool budget_begin(void);

/* Holds the configuration against it. What is too much is lowered, with a warning; what cannot work
 * at all goes to the report. */
budget budget_make(const conf *c, unsigned workers, cmp_report *report);
