/* SPDX-License-Identifier: Apache-2.0 */
/* What `cmpctl status` shows: two looks at the daemon as lines. */
#pragma once

#include "ctl/figures.h"
#include "ctl/sheet.h"

#include <stddef.h>

enum { STATUS_HISTORY = 60 };

/* What is beside the looks themselves. */
typedef struct status_scene {
    const double *history; /* transactions a second at each look, the last one last */
    size_t history_count;
    const char *alarm;  /* the daemon does not answer, and why; NULL: it does */
    const char *notice; /* what has happened to it; NULL: nothing lately */
    const char *footer; /* the last line; NULL: there is none */
} status_scene;

/* Transactions a second between the two looks; NAN: not known yet. */
double status_transactions_rate(const figures *f);

/* Draws at most `rows` lines; what matters most has room first. */
void status_draw(const figures *f, const status_scene *scene, unsigned rows, sheet *to);
