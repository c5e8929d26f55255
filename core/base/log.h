/* SPDX-License-Identifier: Apache-2.0 */
/* The process's log: one line an event, to stderr, as text or JSON.
 *
 * Any thread. Personal data (user, age, income, gender, post) and secrets never go in here: nothing
 * below takes a whole request. */
#pragma once

#include <cmp/base.h>
#include <stdarg.h>

typedef enum log_format {
    LOG_TEXT,
    LOG_JSON,
} log_format;

extern const char *const log_level_names[];  /* by cmp_log_level, ended by NULL */
extern const char *const log_format_names[]; /* by log_format, likewise */

/* Sets level and format; as the configuration has them. Default: notice, text. */
void log_setup(cmp_log_level level, log_format format);

/* Sets the format for good, before all else: what log_setup says of it counts no more. */
void log_format_fix(log_format format);

log_format log_format_get(void);

/* The level alone, for all threads at once. */
void log_level_set(cmp_log_level level);
cmp_log_level log_level_get(void);

bool log_wanted(cmp_log_level level);

/* One member of a log line: a name and its text. Where the name begins with LOG_NUMBER, as in
 * `LOG_NUMBER "status"`, the text is a whole number, and JSON's member one, too. An absent text
 * (`at` NULL) leaves it out. Names and types stand in etc/openapi/log-line.json. */
#define LOG_NUMBER "#"
typedef struct log_field {
    const char *name;
    cmp_str value;
} log_field;

/* Writes one line. `area` says which part speaks (a plugin instance's name, "http", …). `fields`
 * may be NULL. Lines over 2 KiB are cut. */
void log_write(cmp_log_level level, const char *area, const log_field *fields, size_t field_count,
               const char *format, ...) CMP_PRINTF(5, 6);
void log_write_v(cmp_log_level level, const char *area, const log_field *fields, size_t field_count,
                 const char *format, va_list args);

/* One error line, from a signal handler as well: no lock, no memory, no formatting. */
void log_last_words(const char *area, const char *message);

#define log_error(area, ...)   log_write(CMP_LOG_ERROR, area, NULL, 0, __VA_ARGS__)
#define log_warning(area, ...) log_write(CMP_LOG_WARNING, area, NULL, 0, __VA_ARGS__)
#define log_notice(area, ...)  log_write(CMP_LOG_NOTICE, area, NULL, 0, __VA_ARGS__)
#define log_info(area, ...)    log_write(CMP_LOG_INFO, area, NULL, 0, __VA_ARGS__)
#define log_debug(area, ...)   log_write(CMP_LOG_DEBUG, area, NULL, 0, __VA_ARGS__)
