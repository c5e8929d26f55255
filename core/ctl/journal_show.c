/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl journal show`, `follow` and `export`: records, as text. */
#include "ctl/args.h"
#include "ctl/export.h"
#include "ctl/interrupt.h"
#include "ctl/journal.h"
#include "ctl/journal_filter.h"
#include "ctl/journal_write.h"
#include "ctl/output.h"

#include <time.h>

#define FOLLOW_MS 100

typedef struct show_options {
    journal_options_given given;
    const char *form;
    bool full, quiet;
} show_options;

static const args_row show_rows[] = {
    JOURNAL_WHERE_ROWS(show_options, given),
    JOURNAL_FILTER_ROWS(show_options, given),
    ARGS_ROW("form", TEXT, show_options, form, "FORM", "table, ndjson or csv; otherwise table"),
    {.name = NULL},
};

static const args_row export_rows[] = {
    JOURNAL_WHERE_ROWS(show_options, given),
    JOURNAL_FILTER_ROWS(show_options, given),
    ARGS_ROW("form", TEXT, show_options, form, "FORM", "ndjson or csv; otherwise ndjson"),
    ARGS_ROW("full", FLAG, show_options, full, NULL,
             "all that is known, and not just what a peer needs to compare"),
    ARGS_ROW("quiet", FLAG, show_options, quiet, NULL, "say nothing but errors"),
    {.name = NULL},
};

static const args_command show_command = {
    .name = "journal show",
    .summary = "Shows the records of the journal, in the order in which they were written",
    .details = "  cmpctl journal show --config cmpd.yaml --from 15m --peer b --verdict refused\n",
    .rows = show_rows,
};

static const args_command follow_command = {
    .name = "journal follow",
    .summary = "Shows records as they are written, until it is interrupted",
    .rows = show_rows,
};

static const args_command export_command = {
    .name = "journal export",
    .operands = "[FILE|-]",
    .operand_most = 1,
    .summary = "Writes records to a file or stdout",
    .details =
        "What is written is what two CMPs need to compare their accounts: see\n"
        "cmpctl journal reconcile --help. With --peer it has nothing of other peers; requests\n"
        "of handsets, and for the interface codes, are only there with --full.\n\n"
        "  cmpctl journal export october.csv --config cmpd.yaml --peer b --form csv \\\n"
        "      --from 2026-10-01T00:00:00Z --until 2026-10-31T23:59:59.999Z\n",
    .rows = export_rows,
};

/* ---- show and follow ---- */

static bool stdout_good(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* Everything that is there now. */
static void show_rest(const journal_filter *f, const journal_writer *w, journal_reader *reader)
{
    for (const journal_record *r; (r = journal_reader_next(reader)) != NULL;) {
        if (journal_filter_fits(f, r)) {
            journal_write_record(w, r);
        }
        if (ferror_unlocked(w->to)) {
            return;
        }
    }
}

static void follow(const journal_filter *f, const journal_writer *w, journal_reader *reader)
{
    const struct timespec pause = {.tv_nsec = (long)FOLLOW_MS * 1000000};
    while (!interrupt_came() && stdout_good()) {
        nanosleep(&pause, NULL);
        show_rest(f, w, reader);
    }
}

static int show(const args_command *command, bool following, int argc, char **argv)
{
    show_options o = {.form = NULL};
    const args_result parsed = args_parse(command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    int form = JOURNAL_TABLE;
    journal_filter f;
    if ((o.form != NULL && !args_choice("form", o.form, journal_form_names, &form)) ||
        !journal_filter_make(&o.given, &f)) {
        return EXIT_CANNOT;
    }
    journal_reader *reader = journal_filter_open(&f);
    if (reader == NULL) {
        journal_filter_free(&f);
        return EXIT_CANNOT;
    }
    const journal_writer w = {.to = stdout, .form = (journal_form)form};
    journal_write_head(&w);
    show_rest(&f, &w, reader);
    if (following) {
        interrupt_catch();
        follow(&f, &w, reader);
    }
    if (!following) {
        journal_warn(&f, reader);
    }
    journal_reader_close(&reader);
    journal_filter_free(&f);
    return EXIT_GOOD;
}

int journal_show_run(int argc, char **argv)
{
    return show(&show_command, false, argc, argv);
}

int journal_follow_run(int argc, char **argv)
{
    return show(&follow_command, true, argc, argv);
}

/* ---- export ---- */

/* False after a message. */
static bool export_stream(export *e, const journal_writer *w, const journal_filter *f)
{
    journal_reader *reader = journal_filter_open(f);
    if (reader == NULL) {
        return false;
    }
    uint64_t read = 0, done;
    journal_reader_progress(reader, &done, &e->progress.total);
    for (const journal_record *r; (r = journal_reader_next(reader)) != NULL;) {
        if (journal_filter_fits(f, r)) {
            journal_write_record(w, r);
            e->count++;
        }
        if (interrupt_came() || ferror_unlocked(e->to)) {
            break;
        }
        if (++read % 1024 == 0) {
            journal_reader_progress(reader, &done, &e->progress.total);
            progress_update(&e->progress, done, e->count);
        }
    }
    progress_clear(&e->progress);
    journal_warn(f, reader);
    journal_reader_close(&reader);
    return true;
}

/* Rejections as well, unless another kind was wanted: a peer that compares has asked for what it
 * cannot find in our transactions. */
static int export_to(const show_options *o, const journal_filter *f, journal_form form,
                     const char *path)
{
    export e;
    if (!export_begin(&e, path, "records", o->quiet)) {
        return EXIT_CANNOT;
    }
    const journal_writer w = {.to = e.to, .form = form, .exchange = !o->full};
    journal_write_head(&w);
    journal_filter rejections = *f;
    rejections.kind = JOURNAL_REJECTION;
    bool good = export_stream(&e, &w, f) && (f->kind != 0 || export_stream(&e, &w, &rejections));
    if (good && interrupt_came()) {
        output_fail("interrupted: nothing was written");
        good = false;
    }
    return export_end(&e, good);
}

int journal_export_run(int argc, char **argv)
{
    show_options o = {.form = NULL};
    char **operands;
    const args_result parsed = args_parse_some(&export_command, argc, argv, &o, &operands);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    int form = JOURNAL_NDJSON;
    journal_filter f;
    if ((o.form != NULL && !args_choice("form", o.form, journal_form_names, &form)) ||
        !journal_filter_make(&o.given, &f)) {
        return EXIT_CANNOT;
    }
    f.exchange = !o.full;
    interrupt_catch();
    const int status = export_to(&o, &f, (journal_form)form, operands[0]);
    journal_filter_free(&f);
    return status;
}
