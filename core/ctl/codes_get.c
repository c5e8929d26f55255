/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl codes get`: asks a store for one ICI, the way that a worker of cmpd does. */
#include "ctl/args.h"
#include "ctl/codes.h"
#include "ctl/output.h"
#include "ctl/stores.h"

typedef struct get_options {
    const char *config, *store;
} get_options;

static const args_row rows[] = {
    STORES_WHERE_ROWS(get_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "codes get",
    .operands = "ICI",
    .operand_count = 1,
    .summary = "Prints the record that a store has for an ICI",
    .details = "Exit status: 1 when the store does not know the ICI, 2 when it cannot tell.\n",
    .rows = rows,
};

/* Absent is an answer (1), unavailable is none (2): scripts must not take the one for the other,
 * nor does cmpd. */
static int print(const get_options *o, const char *ici, cmp_store_verdict verdict, cmp_str json)
{
    switch (verdict) {
    case CMP_STORE_FOUND:
        output_json(json_loadb(json.at, json.size, 0, NULL));
        return EXIT_GOOD;
    case CMP_STORE_ABSENT:
        output_fail(STORES_UNKNOWN, o->store, ici);
        return EXIT_BAD;
    case CMP_STORE_UNAVAILABLE:
    case CMP_STORE_PENDING:
        break;
    }
    return output_fail("store %s cannot tell now", o->store);
}

int codes_get_run(int argc, char **argv)
{
    get_options o = {.config = NULL};
    const char *operands[1];
    const args_result parsed = args_parse(&command, argc, argv, &o, operands);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    stores *s = stores_open(o.config);
    int status = EXIT_CANNOT;
    if (s != NULL && stores_take(s, o.store, STORES_LOOKUP) != NULL) {
        kit_arena memory;
        cmp_str json;
        kit_arena_init(&memory, NULL, 0);
        const cmp_store_verdict verdict =
            stores_lookup(s, cmp_str_from(operands[0]), &memory, &json);
        status = print(&o, operands[0], verdict, json);
        kit_arena_reset(&memory);
    }
    stores_close(&s);
    return status;
}
