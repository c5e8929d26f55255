/* SPDX-License-Identifier: Apache-2.0 */
/* What cmpctl says, and how its commands end. */
#pragma once

#include "conf/report.h"

#include <jansson.h>

/* Exit statuses, the same for every command. */
enum {
    EXIT_GOOD = 0,   /* done; valid; resolved */
    EXIT_BAD = 1,    /* not valid; an error answer */
    EXIT_CANNOT = 2, /* wrong usage, unreadable file, no connection: the question is still open */
};

/* Writes `cmpctl: …` to stderr and returns EXIT_CANNOT. */
int output_fail(const char *format, ...) CMP_PRINTF(1, 2);

/* Writes `cmpctl: FILE:LINE: TEXT` likewise, whatever octets the text has. Line 0: the whole file.
 */
int output_fail_at(const char *file, size_t line, const char *text);

/* Writes `cmpctl: warning: …` about what keeps nothing from being done. */
void output_warn(const char *format, ...) CMP_PRINTF(1, 2);

/* Whether all that was printed is out: EXIT_GOOD, or EXIT_CANNOT after a message when stdout could
 * not be written. Asked of every command when it has ended; by itself of one that has to know. */
int output_end(void);

/* Writes every error of a report likewise. */
int output_fail_report(const cmp_report *r);

/* Prints one JSON value and a newline to stdout, and gives the reference back. */
void output_json(json_t *value);

/* A JSON string of octets that may be no UTF-8 (such ones are written as \xNN). */
json_t *output_json_text(cmp_str text);

/* Prints octets so that nothing in them reaches the terminal as a control character. */
void output_visible(cmp_str text, FILE *to);
