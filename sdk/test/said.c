/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin says: its log, complaints about options, counters, and what has changed. */
#include "test/test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- texts ---- */

void texts_add(texts *t, const char *line, size_t size)
{
    if (t->size + size + 2 > t->room) {
        t->room = 2 * (t->size + size + 2);
        t->at = kit_realloc(t->at, t->room);
    }
    memcpy(t->at + t->size, line, size);
    t->size += size;
    t->at[t->size++] = '\n';
    t->at[t->size] = '\0';
    t->count++;
}

void texts_clear(texts *t)
{
    free(t->at);
    *t = (texts){.at = NULL};
}

const char *texts_all(const texts *t)
{
    return t->at != NULL ? t->at : "";
}

/* ---- the log ---- */

static void service_log(const cmp_host *table, cmp_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *line = NULL;
    const int size = vasprintf(&line, format, args);
    va_end(args);
    if ((unsigned)level >= LEVELS || size < 0) {
        test_die("log: at no level, or with a format that is none");
    }
    texts_add(&test_of(table)->log[level], line, (size_t)size);
    free(line);
}

bool cmp_test_logged(cmp_test *t, cmp_log_level level, const char *part)
{
    const bool found = strstr(texts_all(&t->log[level]), part) != NULL;
    if (!found) {
        fprintf(stderr, "cmp-test: not logged: %s\nwhat was:\n%s", part, texts_all(&t->log[level]));
    }
    texts_clear(&t->log[level]);
    return found;
}

const char *cmp_test_log(const cmp_test *t, cmp_log_level level)
{
    return texts_all(&t->log[level]);
}

unsigned cmp_test_log_count(const cmp_test *t, cmp_log_level level)
{
    return t->log[level].count;
}

/* ---- complaints ---- */

/* As the plugin names its options: the daemon would say where in its file they stand. */
const char *cmp_test_report(cmp_test *t)
{
    texts_clear(&t->shown);
    for (size_t i = 0; i < t->report.count; i++) {
        const conf_error *e = &t->report.errors[i];
        const bool keyed = e->key != NULL && e->key[0] != '\0';
        const char *line = kit_arena_printf(&t->report.memory, "%s%s%s", keyed ? e->key : "",
                                            keyed ? ": " : "", e->text);
        texts_add(&t->shown, line, strlen(line));
    }
    return texts_all(&t->shown);
}

unsigned cmp_test_report_count(const cmp_test *t)
{
    return (unsigned)t->report.count;
}

bool cmp_test_reported(const cmp_test *t, const char *part)
{
    return strstr(cmp_test_report((cmp_test *)(uintptr_t)t), part) != NULL;
}

cmp_report *cmp_test_report_of(cmp_test *t)
{
    return &t->report;
}

void cmp_test_report_clear(cmp_test *t)
{
    report_dispose(&t->report);
    report_init(&t->report);
}

/* ---- what it says of itself ---- */

uint64_t cmp_test_counted(const cmp_test *t, const char *name)
{
    const host_metric *m = host_metric_find(&t->host->metrics, name);
    if (m == NULL) {
        test_die("there is no counter %s", name);
    }
    return (uint64_t)m->value;
}

cmp_health cmp_test_health(const cmp_test *t)
{
    return t->host->metrics.health;
}

const char *cmp_test_why(const cmp_test *t)
{
    return t->host->metrics.why;
}

/* ---- records that changed ---- */

static void service_store_changed(const cmp_host *table, cmp_str ici)
{
    texts_add(&test_of(table)->changed, ici.at != NULL ? ici.at : "*",
              ici.at != NULL ? ici.size : 1);
}

const char *cmp_test_changed(const cmp_test *t)
{
    return texts_all(&t->changed);
}

unsigned cmp_test_changed_count(const cmp_test *t)
{
    return t->changed.count;
}

void cmp_test_changed_clear(cmp_test *t)
{
    texts_clear(&t->changed);
}

void test_said_services(cmp_host *table)
{
    table->log = service_log;
    table->store_changed = service_store_changed;
}
