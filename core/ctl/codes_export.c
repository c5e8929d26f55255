/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl codes export`: the records of a store as a file, one JSON object a line. */
#include "ctl/args.h"
#include "ctl/codes.h"
#include "ctl/codes_scan.h"
#include "ctl/export.h"
#include "ctl/interrupt.h"
#include "ctl/output.h"
#include "ctl/stores.h"
#include "mc/record.h"

#include <stdlib.h>

typedef struct export_options {
    const char *config, *store, *prefix;
    bool quiet;
} export_options;

static const args_row rows[] = {
    STORES_WHERE_ROWS(export_options),
    STORES_PREFIX_ROW(export_options),
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

typedef struct writing {
    export file;
    char *json;
    size_t room;
} writing;

/* Without the stream's lock: this is done for each of millions of records, by one thread. */
static bool write_record(cmp_str ici, const cmp_record *record, void *arg)
{
    writing *w = arg;
    size_t size = record_write(ici, record, w->json, w->room);
    if (size > w->room) {
        w->room = 2 * size;
        w->json = kit_realloc(w->json, w->room);
        size = record_write(ici, record, w->json, w->room);
    }
    fwrite_unlocked(w->json, 1, size, w->file.to);
    putc_unlocked('\n', w->file.to);
    w->file.count++;
    progress_update(&w->file.progress, 0, w->file.count);
    return !ferror_unlocked(w->file.to); /* export_end tells */
}

static int export_to(const export_options *o, instance *store, const char *path)
{
    writing w = {.json = NULL};
    const codes_scan scan = {.prefix = o->prefix, .visit = write_record, .arg = &w};
    if (!export_begin(&w.file, path, "codes", o->quiet)) {
        return EXIT_CANNOT;
    }
    const bool good = codes_scan_run(&scan, store);
    free(w.json);
    return export_end(&w.file, good);
}

int codes_export_run(int argc, char **argv)
{
    export_options o = {.config = NULL};
    char **operands;
    const args_result parsed = args_parse_some(&command, argc, argv, &o, &operands);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    interrupt_catch();
    stores *s = stores_open(o.config);
    instance *store = s != NULL ? stores_take(s, o.store, STORES_SCAN) : NULL;
    const int status = store != NULL ? export_to(&o, store, operands[0]) : EXIT_CANNOT;
    stores_close(&s);
    return status;
}
