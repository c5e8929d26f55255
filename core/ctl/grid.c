/* SPDX-License-Identifier: Apache-2.0 */
/* See grid.h. */
#include "ctl/grid.h"

#include <cmp-kit/memory.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CELL_SIZE 160
#define GAP       2

typedef struct cell {
    tone tone;
    char *text;
} cell;

struct grid {
    const grid_column *columns;
    size_t column_count;
    cell *cells;
    size_t count, room;
};

grid *grid_create(const grid_column *columns)
{
    grid *g = kit_calloc(1, sizeof(*g));
    g->columns = columns;
    while (columns[g->column_count].title != NULL) {
        g->column_count++;
    }
    return g;
}

void grid_destroy(grid **ref)
{
    grid *g = *ref;
    *ref = NULL;
    if (g == NULL) {
        return;
    }
    for (size_t i = 0; i < g->count; i++) {
        free(g->cells[i].text);
    }
    free(g->cells);
    free(g);
}

void grid_cell(grid *g, tone t, const char *format, ...)
{
    char text[CELL_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (g->count == g->room) {
        g->room = 2 * g->room + 64;
        g->cells = kit_realloc(g->cells, g->room * sizeof(*g->cells));
    }
    g->cells[g->count++] = (cell){t, kit_strdup(text)};
}

size_t grid_rows(const grid *g)
{
    return g->count / g->column_count;
}

static unsigned width_of(const grid *g, size_t column, bool head)
{
    unsigned width = g->columns[column].least;
    const unsigned title = (unsigned)strlen(g->columns[column].title);
    width = head && title > width ? title : width;
    for (size_t i = column; i < g->count; i += g->column_count) {
        const unsigned size = (unsigned)strlen(g->cells[i].text);
        width = size > width ? size : width;
    }
    return width;
}

/* `at` is where the column begins. */
static void draw_cell(sheet *to, const grid_column *c, unsigned at, unsigned width, tone t,
                      const char *text)
{
    const unsigned size = (unsigned)strlen(text);
    sheet_to(to, at + (c->right && size < width ? width - size : 0));
    sheet_name(to, t, text);
}

/* Those that there is room for, at least for the title. */
static size_t columns_shown(const grid *g, const sheet *to, const unsigned *widths, unsigned indent)
{
    size_t count = 0;
    for (unsigned at = indent; count < g->column_count; count++) {
        const unsigned title = (unsigned)strlen(g->columns[count].title);
        const unsigned needed = g->columns[count].right ? widths[count] : title;
        if (sheet_columns(to) != 0 && at + needed > sheet_columns(to)) {
            break;
        }
        at += widths[count] + GAP;
    }
    return count;
}

void grid_draw(const grid *g, sheet *to, bool head, size_t most, unsigned indent)
{
    const size_t all = grid_rows(g);
    const size_t rows = all <= most ? all : most > 0 ? most - 1 : 0;
    unsigned *widths = kit_calloc(g->column_count, sizeof(*widths));
    for (size_t c = 0; c < g->column_count; c++) {
        widths[c] = width_of(g, c, head);
    }
    const size_t shown = columns_shown(g, to, widths, indent);
    for (size_t row = head ? 0 : 1; row <= rows; row++) {
        unsigned at = indent;
        for (size_t c = 0; c < shown; c++) {
            const cell *one = row > 0 ? &g->cells[(row - 1) * g->column_count + c] : NULL;
            draw_cell(to, &g->columns[c], at, widths[c], one != NULL ? one->tone : TONE_HEAD,
                      one != NULL ? one->text : g->columns[c].title);
            at += widths[c] + GAP;
        }
        sheet_end_line(to);
    }
    if (all > rows && most > 0) {
        sheet_to(to, indent);
        sheet_put(to, TONE_QUIET, "… %zu more", all - rows);
        sheet_end_line(to);
    }
    free(widths);
}
