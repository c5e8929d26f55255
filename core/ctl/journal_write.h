/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the journal as text: a table for people, NDJSON and CSV for programs and peers. */
#pragma once

#include "journal/record.h"

#include <stdio.h>

typedef enum journal_form {
    JOURNAL_TABLE,
    JOURNAL_NDJSON,
    JOURNAL_CSV,
} journal_form;

extern const char *const journal_form_names[]; /* ended by NULL */

typedef struct journal_writer {
    FILE *to;
    journal_form form;
    bool exchange; /* only what a peer needs to compare (etc/openapi/journal-exchange.json) */
} journal_writer;

/* The line above the records, where the form has one. */
void journal_write_head(const journal_writer *w);

void journal_write_record(const journal_writer *w, const journal_record *r);

/* One value of CSV (RFC 4180), in quotes when it needs them. */
void journal_write_csv(cmp_str text, FILE *to);

/* "in": somebody asked us; "out": we asked somebody. */
const char *journal_direction(const journal_record *r);
