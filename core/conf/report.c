/* SPDX-License-Identifier: Apache-2.0 */
/* Collects everything that is wrong with a configuration, in the order of files and lines, so that
 * the operator sees all of it at once. */
#include "conf/report.h"

#include "base/log.h"

#include <stdlib.h>

void report_init(cmp_report *r)
{
    *r = (cmp_report){.count = 0};
    kit_arena_init(&r->memory, NULL, 0);
}

void report_dispose(cmp_report *r)
{
    free(r->errors);
    free(r->warnings);
    kit_arena_reset(&r->memory);
    *r = (cmp_report){.count = 0};
}

static int compare_places(const conf_place *a, const conf_place *b)
{
    const int files = strcmp(a->file != NULL ? a->file : "", b->file != NULL ? b->file : "");
    if (files != 0) {
        return files;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    return a->column < b->column ? -1 : a->column > b->column;
}

/* Puts an error in its place. Errors mostly come in order, so the search begins at the end. The
 * report is read from the top of the file down, though rows, checks and plugins find things in an
 * order of their own. */
static void insert(conf_error **list, size_t *count, size_t *room, conf_error error)
{
    if (*count == *room) {
        *room = *room != 0 ? 2 * *room : 16;
        *list = kit_realloc(*list, *room * sizeof(**list));
    }
    size_t at = (*count)++;
    while (at > 0 && compare_places(&(*list)[at - 1].place, &error.place) > 0) {
        (*list)[at] = (*list)[at - 1];
        at--;
    }
    (*list)[at] = error;
}

/* A message is one line, whatever a file holds. */
static const char *one_line(cmp_report *r, const char *text)
{
    char *copy = kit_arena_text(&r->memory, cmp_str_from(text));
    for (char *c = copy; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    return copy;
}

/* The file's name may be gone before the report is, so it is copied, too. */
static conf_error CMP_PRINTF(4, 0)
    make(cmp_report *r, conf_place place, const char *key, const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0) {
        text = kit_strdup(format);
    }
    place.file = kit_arena_text(&r->memory, cmp_str_from(place.file));
    const conf_error error = {place, one_line(r, key), one_line(r, text)};
    free(text);
    return error;
}

static void CMP_PRINTF(4, 0)
    add(cmp_report *r, conf_place place, const char *key, const char *format, va_list args)
{
    insert(&r->errors, &r->count, &r->room, make(r, place, key, format, args));
}

void report_add(cmp_report *r, conf_place place, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(r, place, key, format, args);
    va_end(args);
}

void report_warn(cmp_report *r, conf_place place, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    insert(&r->warnings, &r->warning_count, &r->warning_room, make(r, place, key, format, args));
    va_end(args);
}

/* A plugin knows the keys of its own section, not where that stands: the scope adds it. */
static void add_in_scope(cmp_report *r, const char *key, const char *format, va_list args)
{
    const conf_scope *scope = r->scope;
    if (scope == NULL) {
        add(r, (conf_place){.file = NULL}, key, format, args);
    } else if (key == NULL) {
        add(r, scope->place_of(scope->arg, NULL), scope->path, format, args);
    } else {
        const char *path = kit_arena_printf(&r->memory, "%s.%s", scope->path, key);
        add(r, scope->place_of(scope->arg, key), path, format, args);
    }
}

void report_in_scope(cmp_report *r, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_in_scope(r, key, format, args);
    va_end(args);
}

static void print(const conf_error *e, const char *head, FILE *to)
{
    if (e->place.file != NULL) {
        fprintf(to, "%s:", e->place.file);
        if (e->place.line != 0) {
            fprintf(to, "%u:%u:", e->place.line, e->place.column);
        }
        fputc(' ', to);
    }
    fputs(head, to);
    if (e->key != NULL && *e->key != '\0') {
        fprintf(to, "%s: ", e->key);
    }
    fprintf(to, "%s\n", e->text);
}

void report_print(cmp_report *r, FILE *to)
{
    for (size_t i = 0; i < r->count; i++) {
        print(&r->errors[i], "", to);
    }
    for (size_t i = 0; i < r->warning_count && r->count == 0; i++) {
        print(&r->warnings[i], "warning: ", to);
    }
}

static void log_all(const conf_error *all, size_t count, cmp_log_level level, const char *area,
                    const char *behind)
{
    for (size_t i = 0; i < count; i++) {
        char *text = NULL;
        size_t size;
        FILE *to = open_memstream(&text, &size);
        print(&all[i], "", to);
        fclose(to);
        log_write(level, area, NULL, 0, "%.*s%s", (int)strcspn(text, "\n"), text, behind);
        free(text);
    }
}

void report_log_errors(const cmp_report *r, const char *area, const char *behind)
{
    log_all(r->errors, r->count, CMP_LOG_ERROR, area, behind);
}

void report_log_warnings(const cmp_report *r)
{
    log_all(r->warnings, r->warning_count, CMP_LOG_WARNING, "conf", "");
}
