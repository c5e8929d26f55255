/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl codes list`: the ICIs that a store holds. */
#include "ctl/args.h"
#include "ctl/codes.h"
#include "ctl/codes_scan.h"
#include "ctl/interrupt.h"
#include "ctl/output.h"
#include "ctl/stores.h"

typedef struct list_options {
    const char *config, *store, *prefix, *limit;
} list_options;

static const args_row rows[] = {
    STORES_WHERE_ROWS(list_options),
    STORES_PREFIX_ROW(list_options),
    ARGS_ROW("limit", TEXT, list_options, limit, "N", "print no more than that many"),
    {.name = NULL},
};

static const args_command command = {
    .name = "codes list",
    .summary = "Prints the ICIs that a store holds, one a line",
    .rows = rows,
};

/* Escaped: a store may hold what a terminal takes for commands. */
static bool print_ici(cmp_str ici, const cmp_record *record, void *arg)
{
    (void)record;
    int64_t *left = arg;
    output_visible(ici, stdout);
    putchar('\n');
    return --*left > 0;
}

int codes_list_run(int argc, char **argv)
{
    list_options o = {.config = NULL};
    int64_t left;
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    if (!args_number("limit", o.limit, INT64_MAX, 1, INT64_MAX, &left)) {
        return EXIT_CANNOT;
    }
    interrupt_catch();
    stores *s = stores_open(o.config);
    instance *store = s != NULL ? stores_take(s, o.store, STORES_SCAN) : NULL;
    const codes_scan scan = {.prefix = o.prefix, .visit = print_ici, .arg = &left};
    const bool good = store != NULL && codes_scan_run(&scan, store);
    stores_close(&s);
    return good ? EXIT_GOOD : EXIT_CANNOT;
}
