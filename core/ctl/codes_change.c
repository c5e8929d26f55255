/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl codes put` and `cmpctl codes remove`: small changes by hand, one write each. */
#include "ctl/args.h"
#include "ctl/codes.h"
#include "ctl/codes_write.h"
#include "ctl/interrupt.h"
#include "ctl/output.h"
#include "ctl/stores.h"
#include "mc/record.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define RECORD_MAX ((size_t)16 << 20)

typedef struct change_options {
    const char *config, *store;
} change_options;

static const args_row rows[] = {
    STORES_WHERE_ROWS(change_options),
    {.name = NULL},
};

static const args_command put_command = {
    .name = "codes put",
    .operands = "[RECORD]",
    .operand_most = 1,
    .summary = "Adds one record, or replaces the one of its ICI",
    .details =
        "Without RECORD, or with -, the JSON object is read from stdin.\n\n"
        "  cmpctl codes put '{\"ici\":\"1A0F1-7\",\"content\":\"https://example.com/\"}' \\\n"
        "      --config cmpd.yaml --store sql\n",
    .rows = rows,
};

static const args_command remove_command = {
    .name = "codes remove",
    .operands = "ICI…",
    .operand_count = 1,
    .operand_most = SIZE_MAX,
    .summary = "Removes the records of some ICIs",
    .details = "Exit status: 1 when one of them was not there; the others are removed.\n",
    .rows = rows,
};

static int refuse(const codes_write *w)
{
    return output_fail("%s; nothing was changed", w->error);
}

/* ---- put ---- */

/* All of stdin, in the arena; absent after a message. What is longer than any record is cut, and
 * then refused as no JSON. */
static cmp_str read_stdin(kit_arena *a)
{
    char *text = NULL;
    size_t size = 0, room = 0;
    for (ssize_t got = 1; got > 0 && size <= RECORD_MAX; size += got > 0 ? (size_t)got : 0) {
        if (size == room) {
            room = room > 0 ? 2 * room : 4096;
            text = kit_realloc(text, room);
        }
        got = read(STDIN_FILENO, text + size, room - size);
        if (got < 0) {
            output_fail("stdin: %s", strerror(errno));
            free(text);
            return CMP_NONE;
        }
    }
    const cmp_str copy = kit_arena_copy(a, (cmp_str){text, size});
    free(text);
    return copy;
}

static void *take_memory(void *arg, size_t size)
{
    return kit_arena_alloc(arg, size);
}

static int put(instance *store, cmp_str ici, const cmp_record *record)
{
    codes_write w;
    const bool good = codes_write_begin(&w, store, false) && codes_write_put(&w, ici, record) &&
                      codes_write_commit(&w);
    codes_write_end(&w);
    return good ? EXIT_GOOD : refuse(&w);
}

/* The record is looked at first: a bad one needs no store. */
static int put_from(const change_options *o, const char *operand, kit_arena *a)
{
    const bool by_stdin = operand == NULL || strcmp(operand, "-") == 0;
    const cmp_str json = by_stdin ? read_stdin(a) : cmp_str_from(operand);
    cmp_str ici;
    cmp_record record;
    char error[512];
    if (json.at == NULL) {
        return EXIT_CANNOT;
    }
    if (!record_parse(json.at, json.size, take_memory, a, &ici, &record, error, sizeof(error))) {
        output_fail_at(by_stdin ? "stdin" : "RECORD", 0, error);
        return EXIT_BAD;
    }
    stores *s = stores_open(o->config);
    instance *store = s != NULL ? stores_take(s, o->store, STORES_WRITE) : NULL;
    const int status = store != NULL ? put(store, ici, &record) : EXIT_CANNOT;
    if (status == EXIT_GOOD && !stores_ours(s, ici)) {
        output_warn("%.*s lies " STORES_ELSEWHERE, (int)ici.size, ici.at);
    }
    stores_close(&s);
    return status;
}

int codes_put_run(int argc, char **argv)
{
    change_options o = {.config = NULL};
    char **operands;
    const args_result parsed = args_parse_some(&put_command, argc, argv, &o, &operands);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    interrupt_catch();
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    const int status = put_from(&o, operands[0], &a);
    kit_arena_reset(&a);
    return status;
}

/* ---- remove ---- */

/* One write: all of the given ICIs that are there go at the same moment. */
static int remove_all(const change_options *o, instance *store, char **icis)
{
    codes_write w;
    bool good = codes_write_begin(&w, store, false), all = true;
    for (size_t i = 0; good && icis[i] != NULL; i++) {
        bool existed;
        good = codes_write_remove(&w, cmp_str_from(icis[i]), &existed);
        if (good && !existed) {
            all = false;
            output_fail(STORES_UNKNOWN, o->store, icis[i]);
        }
    }
    good = good && codes_write_commit(&w);
    codes_write_end(&w);
    return !good ? refuse(&w) : all ? EXIT_GOOD : EXIT_BAD;
}

int codes_remove_run(int argc, char **argv)
{
    change_options o = {.config = NULL};
    char **operands;
    const args_result parsed = args_parse_some(&remove_command, argc, argv, &o, &operands);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    interrupt_catch();
    stores *s = stores_open(o.config);
    instance *store = s != NULL ? stores_take(s, o.store, STORES_WRITE) : NULL;
    const int status = store != NULL ? remove_all(&o, store, operands) : EXIT_CANNOT;
    stores_close(&s);
    return status;
}
