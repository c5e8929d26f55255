/* SPDX-License-Identifier: Apache-2.0 */
/* Which records of a journal are meant: options that its commands share. */
#pragma once

#include "ctl/args.h"
#include "journal/reader.h"

typedef struct journal_options_given {
    const char *config, *path;
    const char *from, *until, *peer, *tid, *ici, *verdict, *kind;
} journal_options_given;

/* Rows of a command whose options hold a journal_options_given `field`. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a field's name cannot stand in them */
#define JOURNAL_WHERE_ROWS(struct_, field)                                                         \
    ARGS_ROW("config", TEXT, struct_, field.config, "FILE",                                        \
             "the daemon's configuration, which names the journal's folder"),                      \
        ARGS_ROW("path", TEXT, struct_, field.path, "FOLDER", "or the folder itself")
#define JOURNAL_FILTER_ROWS(struct_, field)                                                        \
    ARGS_ROW("from", TEXT, struct_, field.from, "TIME",                                            \
             "records from then on: 2026-11-24T05:30:00Z, or 90s, 15m, 2h, 7d ago"),               \
        ARGS_ROW("until", TEXT, struct_, field.until, "TIME", "and up to then"),                   \
        ARGS_ROW("peer", TEXT, struct_, field.peer, "PEER", "who asked, or was asked"),            \
        ARGS_ROW("tid", TEXT, struct_, field.tid, "TID", "of the record, or one that it names"),   \
        ARGS_ROW("ici", TEXT, struct_, field.ici, "ICI", "in either case"),                        \
        ARGS_ROW("verdict", TEXT, struct_, field.verdict, "WORD",                                  \
                 "such as resolved or refused; or a code word, such as unknown_ici"),              \
        ARGS_ROW("kind", TEXT, struct_, field.kind, "KIND",                                        \
                 "transaction, attempt, rejection, or both of the first two")
/* NOLINTEND(bugprone-macro-parentheses) */

typedef struct journal_filter {
    char *folder;
    journal_span span;
    cmp_str peer, tid, ici, verdict; /* absent: any */
    int kind;                        /* journal_kind; 0: transactions and attempts */
    bool exchange;                   /* what a peer is given to compare, and nothing of others */
} journal_filter;

/* False after a message. `given` outlives the filter. */
CMP_MUST_USE bool journal_filter_make(const journal_options_given *given, journal_filter *f);
void journal_filter_free(journal_filter *f);

/* The stream that has the records of that kind. */
journal_stream journal_filter_stream(const journal_filter *f);

bool journal_filter_fits(const journal_filter *f, const journal_record *r);

/* Opens it at its stream; NULL after a message. */
journal_reader *journal_filter_open(const journal_filter *f);

/* Warns of what was damaged or is missing in what the filter has read to its end. */
void journal_warn(const journal_filter *f, journal_reader *r);
