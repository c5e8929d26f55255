/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl codes export`: the records of a store as a file, one JSON object a line. */
#include "ctl/args.h"
#include "ctl/codes.h"
#include "ctl/codes_scan.h"
#include "ctl/interrupt.h"
#include "ctl/newfile.h"
#include "ctl/output.h"
#include "ctl/progress.h"
#include "ctl/stores.h"
#include "mc/record.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct export_options {
    const char *config, *store, *prefix;
    bool quiet;
} export_options;

static const args_row rows[] = {
    ARGS_ROW("config", TEXT, export_options, config, "FILE", "the daemon's configuration"),
    ARGS_ROW("store", TEXT, export_options, store, "NAME", "as under plugins"),
    ARGS_ROW("prefix", TEXT, export_options, prefix, "PREFIX",
             "only ICIs that begin with it, octet by octet"),
    ARGS_ROW("quiet", FLAG, export_options, quiet, NULL, "say nothing but errors"),
    {.name = NULL},
};

static const args_command command = {
    .name = "codes export",
    .operands = "[FILE|-]",
    .operand_most = 1,
    .summary = "Writes the records of a store, one JSON object a line, to a file or stdout",
    .details = "The file is replaced when the last record is written, and not before.\n\n"
               "  cmpctl codes export codes.ndjson --config cmpd.yaml --store sql\n",
    .rows = rows,
};

typedef struct export
{
    FILE *to;
    char *json;
    size_t room;
    uint64_t count;
    progress progress;
}
export;

/* Without the stream's lock: this is done for each of millions of records, by one thread. */
static bool write_record(cmp_str ici, const cmp_record *record, void *arg)
{
    export *e = arg;
    size_t size = record_write(ici, record, e->json, e->room);
    if (size > e->room) {
        e->room = 2 * size;
        e->json = kit_realloc(e->json, e->room);
        size = record_write(ici, record, e->json, e->room);
    }
    fwrite_unlocked(e->json, 1, size, e->to);
    putc_unlocked('\n', e->to);
    e->count++;
    progress_update(&e->progress, 0, e->count);
    return !ferror_unlocked(e->to); /* newfile_commit tells */
}

static int export_to(const export_options *o, instance *store, const char *path)
{
    newfile *file = newfile_open(path);
    if (file == NULL) {
        return EXIT_CANNOT;
    }
    export e = {.to = newfile_stream(file)};
    const bool to_stdout = e.to == stdout;
    const codes_scan scan = {.prefix = o->prefix, .visit = write_record, .arg = &e};
    /* A bar would stand between the records on one terminal. */
    progress_begin(&e.progress, "exported", 0, o->quiet || (to_stdout && isatty(STDOUT_FILENO)));
    bool good = codes_scan_run(&scan, store);
    progress_clear(&e.progress);
    free(e.json);
    if (good) {
        good = newfile_commit(&file);
    } else {
        newfile_discard(&file);
    }
    if (good && !o->quiet && !to_stdout) {
        char text[PROGRESS_TEXT_SIZE];
        progress_summary(&e.progress, e.count, text);
        printf("%s: %s\n", path, text);
    }
    return good ? EXIT_GOOD : EXIT_CANNOT;
}

int codes_export_run(int argc, char **argv)
{
    export_options o = {.config = NULL};
    char **operands;
    const args_result parsed = args_parse_some(&command, argc, argv, &o, &operands);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    if (o.config == NULL || o.store == NULL) {
        return output_fail("--config and --store have to be given");
    }
    interrupt_catch();
    stores *s = stores_open(o.config);
    instance *store = s != NULL ? stores_take(s, o.store, STORES_SCAN) : NULL;
    const int status =
        store != NULL ? export_to(&o, store, operands[0] != NULL ? operands[0] : "-") : EXIT_CANNOT;
    stores_close(&s);
    return status;
}
