/* SPDX-License-Identifier: Apache-2.0 */
/* Collects everything that is wrong with a configuration: all errors, not the first. */
#pragma once

#include <cmp-kit/arena.h>

#include <stdarg.h>
#include <stdio.h>

/* Where something stands in a file. Lines and columns count from 1; 0: the whole file. */
typedef struct conf_place {
    const char *file;
    unsigned line, column;
} conf_place;

typedef struct conf_error {
    conf_place place;
    const char *key; /* dotted path, such as listeners[0].tls.certificate; may be NULL */
    const char *text;
} conf_error;

/* Resolves a key of the section that is being checked to its place; set around a plugin's check. */
typedef struct conf_scope {
    conf_place (*place_of)(void *arg, const char *key);
    void *arg;
    const char *path; /* dotted path of the section */
} conf_scope;

struct cmp_report {
    kit_arena memory;
    conf_error *errors;
    size_t count, room;
    conf_error *warnings; /* about what is good all the same */
    size_t warning_count, warning_room;
    const conf_scope *scope; /* for report_in_scope */
};

void report_init(cmp_report *r);
void report_dispose(cmp_report *r);

void report_add(cmp_report *r, conf_place place, const char *key, const char *format, ...)
    CMP_PRINTF(4, 5);

void report_warn(cmp_report *r, conf_place place, const char *key, const char *format, ...)
    CMP_PRINTF(4, 5);

/* The service cmp_host.report: about `key` of the current scope (NULL: the section itself). */
void report_in_scope(cmp_report *r, const char *key, const char *format, ...) CMP_PRINTF(3, 4);

/* Prints `file:line:column: key: text`, a line each, in the order of files and lines. When there is
 * no error the warnings, in the same way. */
void report_print(cmp_report *r, FILE *to);

/* Writes the errors, or the warnings, to the log; of errors each with what stands behind it. */
void report_log_errors(const cmp_report *r, const char *area, const char *behind);
void report_log_warnings(const cmp_report *r);
