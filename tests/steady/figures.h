/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of the requests, in phases. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MS          UINT64_C(1000000)
#define SECONDS_MAX 600u /* that the program runs */

uint64_t now_ns(void);

/* Begins the first phase, from which on requests are due so often. */
void figures_begin(unsigned rate);

/* When a request is due: 0, 1, … */
uint64_t figures_due_ns(uint64_t number);

/* A request was due then, and has been sent or given up. */
void figures_add(uint64_t due_ns);

/* How it ended: the answer's status, or 0 when there was none. */
void figures_over(uint64_t due_ns, int status);

/* A connection has ended before its handshake had. */
void figures_refused_connection(void);

/* Ends the phase, and writes its figures as a line of JSON. */
void figures_report(void);
