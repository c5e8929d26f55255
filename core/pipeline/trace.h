/* SPDX-License-Identifier: Apache-2.0 */
/* What would happen to a request, and why: steps tell it while they run, when somebody asked.
 *
 * A traced transaction is not executed to the end: nobody is authenticated, nothing is remembered,
 * nothing is sent to a next hop. */
#pragma once

#include "pipeline/txn.h"

typedef struct trace_line trace_line;
struct trace_line {
    const char *step;
    const char *text;
    trace_line *next;
};

struct trace {
    trace_line *first, **last;
};

/* Makes the transaction a traced one. */
void trace_begin(txn *t);

static inline bool is_traced(const txn *t)
{
    return t->trace != NULL;
}

/* Adds a line; only to be called for a traced transaction. */
void trace_add(txn *t, const char *step, const char *format, ...) CMP_PRINTF(3, 4);

/* The trace and what the answer would be, as a JSON object: its status and what a problem would
 * say, or that the request would be sent on, when only the next hop knows. */
size_t trace_write(const txn *t, int status, char *to);

/* Prints a string for "%.*s". */
#define TEXT(str) (int)(str).size, (str).at
