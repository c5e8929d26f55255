/* SPDX-License-Identifier: Apache-2.0 */
/* A table: a head, rows, and columns as wide as what is in them. */
#pragma once

#include "ctl/sheet.h"

typedef struct grid_column {
    const char *title; /* ASCII; NULL ends the columns */
    bool right;        /* numbers */
    unsigned least;    /* it is at least so wide, so that it stands still when numbers change */
} grid_column;

typedef struct grid grid;

/* `columns` are static. */
grid *grid_create(const grid_column *columns);
void grid_destroy(grid **g);

/* Adds the next cell; behind the last column it is the first of another row. The text is copied,
 * and may be anybody's. */
void grid_cell(grid *g, tone t, const char *format, ...) CMP_PRINTF(3, 4);

size_t grid_rows(const grid *g);

/* Columns for which there is no room are left out, from the right. Draws the head, when `head` is
 * true, and at most `most` rows; each line begins with `indent` blanks. When there are more the
 * last line says how many, and is one of `most`. */
void grid_draw(const grid *g, sheet *to, bool head, size_t most, unsigned indent);
