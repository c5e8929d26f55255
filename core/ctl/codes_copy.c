/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl codes copy`: the records of one store into another, all of them or none. */
#include "ctl/args.h"
#include "ctl/codes.h"
#include "ctl/codes_scan.h"
#include "ctl/codes_write.h"
#include "ctl/interrupt.h"
#include "ctl/output.h"
#include "ctl/progress.h"
#include "ctl/stores.h"

typedef struct copy_options {
    const char *config, *from, *to, *prefix;
    bool replace, quiet;
} copy_options;

static const args_row rows[] = {
    STORES_CONFIG_ROW(copy_options),
    ARGS_NEEDED("from", copy_options, from, "NAME", "the store to read, as under plugins"),
    ARGS_NEEDED("to", copy_options, to, "NAME", "the store to write"),
    STORES_PREFIX_ROW(copy_options),
    ARGS_ROW("replace", FLAG, copy_options, replace, NULL,
             "remove the codes of the written store that are not copied"),
    ARGS_ROW("quiet", FLAG, copy_options, quiet, NULL, "say nothing but errors"),
    {.name = NULL},
};

static const args_command command = {
    .name = "codes copy",
    .summary = "Takes all records of one store into another",
    .details = "All become visible at once, when the last one is in; when anything fails, the\n"
               "written store stays as it was.\n\n"
               "  cmpctl codes copy --config cmpd.yaml --from codes --to sql\n",
    .rows = rows,
};

typedef struct copy {
    codes_write write;
    bool failed; /* the written store did */
    uint64_t count;
    progress progress;
} copy;

/* Called inside the reading of one store. Were both one store, its write could wait for its own
 * read: codes_copy_run refuses that. */
static bool copy_record(cmp_str ici, const cmp_record *record, void *arg)
{
    copy *c = arg;
    if (!codes_write_put(&c->write, ici, record)) {
        c->failed = true;
        return false;
    }
    c->count++;
    progress_update(&c->progress, 0, c->count);
    return true;
}

/* False after a message. An empty source with --replace is nearly always a mistake (a wrong
 * prefix), and would empty a store that serves. */
static bool copy_all(copy *c, const copy_options *o, instance *from)
{
    const codes_scan scan = {.prefix = o->prefix, .visit = copy_record, .arg = c};
    const bool read = codes_scan_run(&scan, from);
    progress_clear(&c->progress);
    if (!read) {
        return false;
    }
    if (!c->failed && o->replace && c->count == 0) {
        output_fail("store %s holds no such codes, --replace would remove all", o->from);
        return false;
    }
    if (c->failed || !codes_write_commit(&c->write)) {
        output_fail("%s", c->write.error);
        return false;
    }
    return true;
}

static int run(const copy_options *o, instance *from, instance *to)
{
    copy c = {.failed = false};
    bool good = codes_write_begin(&c.write, to, o->replace);
    if (!good) {
        output_fail("%s", c.write.error);
    } else {
        progress_begin(&c.progress, "copied", 0, o->quiet);
        good = copy_all(&c, o, from);
    }
    codes_write_end(&c.write);
    if (!good) {
        output_fail("nothing was copied");
        return EXIT_CANNOT;
    }
    if (!o->quiet) {
        char text[PROGRESS_TEXT_SIZE];
        progress_summary(&c.progress, c.count, text);
        printf("%s to %s: %s", o->from, o->to, text);
        printf(o->replace ? ", %zu removed\n" : "\n", c.write.removed);
    }
    return EXIT_GOOD;
}

int codes_copy_run(int argc, char **argv)
{
    copy_options o = {.config = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    if (strcmp(o.from, o.to) == 0) {
        return output_fail("--from and --to name one store");
    }
    interrupt_catch();
    stores *s = stores_open(o.config);
    const unsigned wants = STORES_WRITE | (o.replace ? STORES_SCAN : 0);
    instance *from = s != NULL ? stores_take(s, o.from, STORES_SCAN) : NULL;
    instance *to = from != NULL ? stores_take(s, o.to, wants) : NULL;
    const int status = to != NULL ? run(&o, from, to) : EXIT_CANNOT;
    stores_close(&s);
    return status;
}
