/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl codes import`: a file's records into a store, all of them or none. */
#include "ctl/args.h"
#include "ctl/codes.h"
#include "ctl/codes_read.h"
#include "ctl/codes_write.h"
#include "ctl/interrupt.h"
#include "ctl/output.h"
#include "ctl/progress.h"
#include "ctl/stores.h"

typedef struct import_options {
    const char *config, *store, *max_errors;
    bool dry_run, keep_going, replace, quiet;
} import_options;

static const args_row rows[] = {
    STORES_WHERE_ROWS(import_options),
    ARGS_ROW("dry-run", FLAG, import_options, dry_run, NULL,
             "only check the file; the store is not even opened"),
    ARGS_ROW("keep-going", FLAG, import_options, keep_going, NULL,
             "pass bad lines over and import the others"),
    ARGS_ROW("replace", FLAG, import_options, replace, NULL,
             "remove the codes that are not in the file"),
    ARGS_ROW("max-errors", TEXT, import_options, max_errors, "N",
             "bad lines to show, otherwise 20; 0: all"),
    ARGS_ROW("quiet", FLAG, import_options, quiet, NULL, "say nothing but errors"),
    {.name = NULL},
};

static const args_command command = {
    .name = "codes import",
    .operands = "FILE|-",
    .operand_count = 1,
    .summary = "Takes the records of a file, one JSON object a line, into a store",
    .details =
        "All become visible at once, when the last one is in; when a line is bad or anything\n"
        "else fails, the store stays as it was. Of two records with one ICI the later one counts.\n"
        "Exit status: 1 when there were bad lines, even when --keep-going passed them over.\n\n"
        "  cmpctl codes import codes.ndjson --config cmpd.yaml --store sql\n",
    .rows = rows,
};

typedef struct importing {
    const import_options *options;
    int64_t max_errors;
    codes_reader *reader;
    codes_write write;
    bool writing; /* false with --dry-run, and as soon as it is clear that nothing will be kept */
    bool failed;  /* the store did; its error is in `write` */
    uint64_t good, bad;
    const stores *stores;
    uint64_t elsewhere; /* of the good ones */
    char first_elsewhere[257];
    progress progress;
} importing;

static bool take_bad(importing *im, const codes_line *line)
{
    im->bad++;
    const bool shown = im->max_errors == 0 || im->bad <= (uint64_t)im->max_errors;
    if (shown) {
        progress_clear(&im->progress);
        output_fail_at(codes_reader_name(im->reader), line->number, line->error);
    }
    if (im->writing && !im->options->keep_going) {
        codes_write_end(&im->write); /* nobody shall wait for it while the rest is checked */
        im->writing = false;
    }
    /* What comes behind the last error that is shown matters only to those who count. */
    return shown || im->options->dry_run || im->options->keep_going;
}

static void note_elsewhere(importing *im, cmp_str ici)
{
    if (stores_ours(im->stores, ici)) {
        return;
    }
    if (im->elsewhere++ == 0) {
        snprintf(im->first_elsewhere, sizeof(im->first_elsewhere), "%.*s", (int)ici.size, ici.at);
    }
}

static bool take_line(importing *im, const codes_line *line)
{
    if (line->error != NULL) {
        return take_bad(im, line);
    }
    im->good++;
    note_elsewhere(im, line->ici);
    if (im->writing && !codes_write_put(&im->write, line->ici, &line->record)) {
        im->failed = true;
        return false;
    }
    return true;
}

/* False when it makes no sense to go on. */
static bool take_batch(importing *im, const codes_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (!take_line(im, &batch->lines[i])) {
            return false;
        }
    }
    progress_update(&im->progress, batch->bytes, im->good);
    return true;
}

static void take_all(importing *im)
{
    const codes_batch *batch;
    while ((batch = codes_reader_next(im->reader)) != NULL && take_batch(im, batch)) {
    }
    progress_clear(&im->progress);
}

static int say_unfinished(const char *why)
{
    return output_fail("%s; nothing was imported", why);
}

static int say_bad(const importing *im)
{
    if (im->max_errors > 0 && im->bad > (uint64_t)im->max_errors) {
        output_fail("more bad lines are not shown; see --max-errors");
    }
    return EXIT_BAD;
}

static void say_elsewhere(const importing *im)
{
    if (im->elsewhere == 1) {
        output_warn("%s lies " STORES_ELSEWHERE, im->first_elsewhere);
    } else if (im->elsewhere > 1) {
        output_warn("%llu codes, of which %s is the first, lie " STORES_ELSEWHERE,
                    (unsigned long long)im->elsewhere, im->first_elsewhere);
    }
}

static int finish_dry(const importing *im)
{
    say_elsewhere(im);
    if (!im->options->quiet) {
        printf("%s: %llu good records, %llu bad lines; nothing was imported\n",
               codes_reader_name(im->reader), (unsigned long long)im->good,
               (unsigned long long)im->bad);
    }
    return im->bad > 0 ? say_bad(im) : EXIT_GOOD;
}

static void say_done(const importing *im)
{
    char text[PROGRESS_TEXT_SIZE];
    progress_summary(&im->progress, im->good, text);
    printf("%s: %s", codes_reader_name(im->reader), text);
    if (im->options->replace) {
        printf(", %zu removed", im->write.removed);
    }
    if (im->bad > 0) {
        printf(", %llu bad lines passed over", (unsigned long long)im->bad);
    }
    putchar('\n');
}

/* In the order of what the operator should hear first: what ended it, before what was found on the
 * way. */
static int finish(importing *im)
{
    const char *failure;
    if (im->failed) {
        return say_unfinished(im->write.error);
    }
    if (interrupt_came()) {
        return say_unfinished("interrupted");
    }
    if (im->bad > 0 && !im->options->keep_going && !im->options->dry_run) {
        say_bad(im);
        say_unfinished("there are bad lines");
        return EXIT_BAD;
    }
    if ((failure = codes_reader_failure(im->reader)) != NULL) {
        return say_unfinished(failure);
    }
    if (im->options->dry_run) {
        return finish_dry(im);
    }
    if (im->options->replace && im->good == 0) {
        return say_unfinished("the file holds no codes, --replace would remove all");
    }
    if (!codes_write_commit(&im->write)) {
        return say_unfinished(im->write.error);
    }
    say_elsewhere(im);
    if (!im->options->quiet) {
        say_done(im);
    }
    return im->bad > 0 ? say_bad(im) : EXIT_GOOD;
}

/* The write is begun before the file is read: a store that is locked or gone is found out at once,
 * not after ten minutes. */
static int import_from(importing *im, instance *store)
{
    if (store != NULL && !codes_write_begin(&im->write, store, im->options->replace)) {
        const int status = say_unfinished(im->write.error);
        codes_write_end(&im->write);
        return status;
    }
    im->writing = store != NULL;
    progress_begin(&im->progress, im->options->dry_run ? "checked" : "imported",
                   codes_reader_size(im->reader), im->options->quiet);
    take_all(im);
    const int status = finish(im);
    if (store != NULL) {
        codes_write_end(&im->write);
    }
    return status;
}

/* The plugin is loaded (stores_can) before the reading thread is made, since loading tries a file
 * in a child process. With --dry-run the store is not opened: it may be one in use. */
static int run(importing *im, const char *path)
{
    const import_options *o = im->options;
    const unsigned wants = o->dry_run ? 0 : STORES_WRITE | (o->replace ? STORES_SCAN : 0U);
    stores *s = stores_open(o->config);
    instance *store = NULL;
    int status = EXIT_CANNOT;
    if (s != NULL && stores_can(s, o->store, wants) &&
        (im->reader = codes_reader_open(path)) != NULL &&
        (o->dry_run || (store = stores_take(s, o->store, wants)) != NULL)) {
        im->stores = s;
        status = import_from(im, store);
    }
    codes_reader_close(&im->reader);
    stores_close(&s);
    return status;
}

int codes_import_run(int argc, char **argv)
{
    import_options o = {.config = NULL};
    const char *operands[1];
    const args_result parsed = args_parse(&command, argc, argv, &o, operands);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    importing im = {.options = &o};
    if (!args_number("max-errors", o.max_errors, 20, 0, 1000000000, &im.max_errors)) {
        return EXIT_CANNOT;
    }
    interrupt_catch();
    return run(&im, operands[0]);
}
