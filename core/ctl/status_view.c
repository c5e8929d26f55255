/* SPDX-License-Identifier: Apache-2.0 */
/* See status_view.h. A head, and tables that share the lines that are left. */
#include "ctl/status_view.h"

#include "ctl/look.h"
#include "ctl/status_grids.h"
#include "ctl/units.h"

#include <math.h>
#include <stdlib.h>

#define TROUBLES_MOST 3

/* ---- the head ---- */

static void draw_state(const json_t *now, sheet *to)
{
    const bool draining = json_is_true(json_object_get(now, "draining"));
    const bool ready = json_is_true(json_object_get(now, "ready"));
    if (ready) {
        sheet_put(to, TONE_GOOD, "● serving");
    } else {
        sheet_put(to, draining ? TONE_WARNING : TONE_BAD,
                  draining ? "● draining" : "● not ready: a thread is stuck");
    }
}

static void draw_name(const figures *f, sheet *to)
{
    sheet_put(to, TONE_STRONG, "cmpd %s", look_text(f->now, "version"));
    sheet_put(to, TONE_PLAIN, "  ");
    sheet_name(to, TONE_PLAIN, look_text(f->now, "host"));
    sheet_put(to, TONE_PLAIN, "  ");
}

static void draw_process(const figures *f, sheet *to)
{
    char span[UNITS_TEXT_SIZE], memory[UNITS_TEXT_SIZE];
    const double processors = figures_processors(f);
    const char *level = look_text(json_object_get(f->now, "log_level"), "now");
    const char *configured = look_text(json_object_get(f->now, "log_level"), "configured");
    const long long workers = look_number(f->now, "workers");
    sheet_put(to, TONE_PLAIN, "up %s · pid %lld · %lld worker%s · generation %lld · %s",
              units_span(look_number(f->now, "uptime_ms"), span), look_number(f->now, "pid"),
              workers, workers == 1 ? "" : "s", look_number_at(f->now, "generation/number"),
              units_bytes((uint64_t)look_number(f->now, "memory_bytes"), memory));
    if (!isnan(processors)) {
        sheet_put(to, TONE_PLAIN, " · %.0f %% CPU", 100 * processors);
    }
    if (strcmp(level, configured) != 0) {
        sheet_put(to, TONE_WARNING, " · log %s", level);
    }
    sheet_end_line(to);
}

/* The highest of what is shown is eight eighths. */
static void draw_history(const status_scene *scene, sheet *to)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double most = 0;
    for (size_t i = 0; i < scene->history_count; i++) {
        most = scene->history[i] > most ? scene->history[i] : most;
    }
    for (size_t i = 0; i < scene->history_count; i++) {
        const double part = most > 0 ? scene->history[i] / most : 0;
        sheet_put(to, TONE_GOOD, "%s", blocks[(unsigned)(part * 7.0 + 0.5)]);
    }
}

double status_transactions_rate(const figures *f)
{
    int64_t sums[2] = {0};
    const json_t *looks[] = {f->now, f->before};
    for (size_t which = 0; which < 2; which++) {
        size_t i;
        json_t *one;
        json_array_foreach(look_at(looks[which], "transactions/interfaces"), i, one)
        {
            sums[which] += (int64_t)figures_values(json_object_get(one, "took_us"), NULL);
        }
    }
    return figures_rate(f, sums[0], sums[1]);
}

static void draw_load(const figures *f, const status_scene *scene, sheet *to)
{
    char rate_text[UNITS_TEXT_SIZE], now[UNITS_TEXT_SIZE], most[UNITS_TEXT_SIZE];
    const double rate = status_transactions_rate(f);
    sheet_put(to, TONE_STRONG, "%s", isnan(rate) ? "-" : units_rate(rate, rate_text));
    sheet_put(to, TONE_PLAIN, " transactions/s, %s of %s under way  ",
              units_count((uint64_t)look_number_at(f->now, "transactions/under_way"), now),
              units_count((uint64_t)look_number_at(f->now, "transactions/most"), most));
    draw_history(scene, to);
    sheet_end_line(to);
}

static tone if_any(int64_t count, tone t)
{
    return count > 0 ? t : TONE_QUIET;
}

static void draw_memories(const figures *f, sheet *to)
{
    char a[UNITS_TEXT_SIZE], b[UNITS_TEXT_SIZE], c[UNITS_TEXT_SIZE], d[UNITS_TEXT_SIZE];
    const json_t *r = json_object_get(f->now, "replay");
    const int64_t reach_ms = look_number(r, "reach_ms"), window_ms = look_number(r, "window_ms");
    const int64_t refused = look_number(r, "refused");
    sheet_put(to, TONE_PLAIN, "replay %s of %s · ",
              units_count((uint64_t)look_number(r, "entries"), a),
              units_count((uint64_t)look_number(r, "capacity"), b));
    sheet_put(to, reach_ms < window_ms ? TONE_WARNING : TONE_PLAIN, "reach %s of %s",
              units_span(reach_ms, c), units_span(window_ms, d));
    if (refused > 0) {
        sheet_put(to, TONE_WARNING, ", %s refused", units_count((uint64_t)refused, a));
    }
    if (look_at(f->now, "counters/journal") != NULL) {
        const int64_t dropped = look_counter(f->now, "journal", "dropped");
        const double rate = figures_rate(f, look_counter(f->now, "journal", "records"),
                                         look_counter(f->before, "journal", "records"));
        sheet_put(to, TONE_PLAIN, " · journal %s/s, ", isnan(rate) ? "-" : units_rate(rate, a));
        sheet_put(to, if_any(dropped, TONE_BAD), "%s dropped", units_count((uint64_t)dropped, b));
    }
    sheet_end_line(to);
}

static void draw_held(const figures *f, sheet *to)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(f->now, "held"), i, one)
    {
        char span[UNITS_TEXT_SIZE];
        sheet_put(to, TONE_BAD, "%s%s has not moved for %s", i > 0 ? ", " : "",
                  look_text(one, "thread"), units_span(look_number(one, "held_ms"), span));
    }
    if (json_array_size(json_object_get(f->now, "held")) > 0) {
        sheet_end_line(to);
    }
}

/* Plugins that say that they are not well, and why: the first few. */
static void draw_health(const figures *f, sheet *to)
{
    size_t i, told = 0;
    json_t *one;
    json_array_foreach(json_object_get(f->now, "instances"), i, one)
    {
        const char *health = look_text(one, "health");
        if (strcmp(health, "ok") != 0 && told++ < TROUBLES_MOST) {
            sheet_name(to, look_state_tone(health), look_text(one, "instance"));
            sheet_put(to, look_state_tone(health), " is %s: ", health);
            sheet_name(to, TONE_PLAIN, look_text(one, "why"));
            sheet_end_line(to);
        }
    }
}

static void draw_head(const figures *f, const status_scene *scene, sheet *to)
{
    if (scene->alarm != NULL) {
        sheet_put(to, TONE_ALARM, " %s ", scene->alarm);
        sheet_end_line(to);
        sheet_fade(to);
    }
    draw_name(f, to);
    if (scene->alarm == NULL) {
        draw_state(f->now, to);
    }
    if (scene->notice != NULL) {
        sheet_put(to, TONE_WARNING, "  %s", scene->notice);
    }
    sheet_end_line(to);
    draw_process(f, to);
    draw_memories(f, to);
    draw_held(f, to);
    draw_health(f, to);
    sheet_end_line(to);
    draw_load(f, scene, to);
}

/* ---- tables ---- */

/* In the order in which they are drawn. */
static grid *(*const makers[])(const figures *f) = {status_grid_transactions, status_grid_peers,
                                                    status_grid_plugins,      status_grid_errors,
                                                    status_grid_listeners,    status_grid_ends};
enum { TABLES = sizeof(makers) / sizeof(makers[0]) };

/* Fewer lines than that, its head included, tell nothing. */
enum { TABLE_LEAST = 2, TABLE_FIRST = 4 };

typedef struct table {
    grid *grid;
    size_t wanted, lines; /* with its head */
} table;

/* Gives each of them up to `most` lines as long as there are some. */
static void share(table *tables, size_t *left, size_t most)
{
    for (size_t i = 0; i < TABLES; i++) {
        table *t = &tables[i];
        const size_t goal = t->wanted < most ? t->wanted : most;
        const size_t more = goal > t->lines ? goal - t->lines : 0;
        const size_t given = more < *left ? more : *left;
        if (t->lines + given >= TABLE_LEAST) {
            t->lines += given;
            *left -= given;
        }
    }
}

/* First a head and a few rows of each; then, when there is room for all of them, a blank line
 * before each, and what is left for those that have more rows. */
static bool fit(table *tables, size_t left)
{
    size_t shown = 0, longest = 0;
    for (size_t most = TABLE_LEAST; most <= TABLE_FIRST; most++) {
        share(tables, &left, most);
    }
    for (size_t i = 0; i < TABLES; i++) {
        shown += tables[i].lines > 0;
        longest = tables[i].wanted > longest ? tables[i].wanted : longest;
    }
    const bool apart = left >= shown;
    left -= apart ? shown : 0;
    for (size_t most = TABLE_FIRST + 1; left > 0 && most <= longest; most++) {
        share(tables, &left, most);
    }
    return apart;
}

void status_draw(const figures *f, const status_scene *scene, unsigned rows, sheet *to)
{
    table tables[TABLES] = {{.grid = NULL}};
    draw_head(f, scene, to);
    const size_t used = sheet_count(to) + (scene->footer != NULL ? 1 : 0);
    for (size_t i = 0; i < TABLES; i++) {
        tables[i].grid = makers[i](f);
        const size_t count = grid_rows(tables[i].grid);
        tables[i].wanted = count > 0 ? count + 1 : 0;
    }
    const bool apart = fit(tables, rows > used ? rows - used : 0);
    for (size_t i = 0; i < TABLES; i++) {
        if (tables[i].lines > 0 && apart) {
            sheet_end_line(to);
        }
        if (tables[i].lines > 0) {
            grid_draw(tables[i].grid, to, true, tables[i].lines - 1, 0);
        }
        grid_destroy(&tables[i].grid);
    }
    while (scene->footer != NULL && sheet_count(to) + 1 < rows) {
        sheet_end_line(to);
    }
    if (scene->footer != NULL) {
        sheet_put(to, TONE_QUIET, "%s", scene->footer);
        sheet_end_line(to);
    }
}
