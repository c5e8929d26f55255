/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl journal stats`: how many records there are of each kind, by what they have in common. */
#include "ctl/args.h"
#include "ctl/interrupt.h"
#include "ctl/journal.h"
#include "ctl/journal_filter.h"
#include "ctl/journal_write.h"
#include "ctl/output.h"
#include "ctl/progress.h"
#include "ctl/tally.h"

#include "base/interface.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/times.h>

#include <stdlib.h>

#define BY_DEFAULT "direction,peer,verdict"
#define BY_MAX     8

typedef struct stats_options {
    journal_options_given given;
    const char *by, *form;
    bool quiet;
} stats_options;

static const args_row rows[] = {
    JOURNAL_WHERE_ROWS(stats_options, given),
    JOURNAL_FILTER_ROWS(stats_options, given),
    ARGS_ROW("by", TEXT, stats_options, by, "WORDS",
             "day, hour, direction, peer, verdict, code, interface, cc, next_peer, decided_by; "
             "otherwise " BY_DEFAULT),
    ARGS_ROW("form", TEXT, stats_options, form, "FORM", "table, ndjson or csv; otherwise table"),
    ARGS_ROW("quiet", FLAG, stats_options, quiet, NULL, "say nothing but errors"),
    {.name = NULL},
};

static const args_command command = {
    .name = "journal stats",
    .summary = "Counts the records of the journal, by what they have in common",
    .details =
        "What partners bill by, for one month:\n\n"
        "  cmpctl journal stats --config cmpd.yaml --kind transaction --by day,peer,verdict,cc \\\n"
        "      --form csv --from 2026-10-01T00:00:00Z --until 2026-10-31T23:59:59.999Z\n",
    .rows = rows,
};

/* ---- what is counted apart ---- */

typedef struct by_word {
    const char *name;
    cmp_str (*of)(const journal_record *r, char room[KIT_TIME_TEXT_SIZE]);
} by_word;

static cmp_str head_of_time(const journal_record *r, char *room, size_t size)
{
    kit_time_format(r->when_us / 1000, room);
    return (cmp_str){room, size};
}

static cmp_str by_day(const journal_record *r, char room[KIT_TIME_TEXT_SIZE])
{
    return head_of_time(r, room, sizeof("2026-11-24") - 1);
}

static cmp_str by_hour(const journal_record *r, char room[KIT_TIME_TEXT_SIZE])
{
    return head_of_time(r, room, sizeof("2026-11-24T05") - 1);
}

static cmp_str by_direction(const journal_record *r, char room[KIT_TIME_TEXT_SIZE])
{
    (void)room;
    return cmp_str_from(journal_direction(r));
}

static cmp_str by_verdict(const journal_record *r, char room[KIT_TIME_TEXT_SIZE])
{
    (void)room;
    const cmp_str code = r->texts[JOURNAL_CODE];
    return code.size > 0 ? code : cmp_str_from(journal_verdict_names[r->verdict]);
}

static cmp_str by_interface(const journal_record *r, char room[KIT_TIME_TEXT_SIZE])
{
    (void)room;
    return r->interface < CMP_INTERFACE_MAX ? cmp_str_from(interfaces[r->interface].word)
                                            : CMP_NONE;
}

#define BY_TEXT(name, which)                                                                       \
    static cmp_str by_##name(const journal_record *r, char room[KIT_TIME_TEXT_SIZE])               \
    {                                                                                              \
        (void)room;                                                                                \
        return r->texts[JOURNAL_##which];                                                          \
    }
BY_TEXT(peer, PEER)
BY_TEXT(code, CODE)
BY_TEXT(cc, CC)
BY_TEXT(next_peer, NEXT_PEER)
BY_TEXT(decided_by, DECIDED_BY)

static const by_word words[] = {
    {"day", by_day},
    {"hour", by_hour},
    {"direction", by_direction},
    {"peer", by_peer},
    {"verdict", by_verdict},
    {"code", by_code},
    {"interface", by_interface},
    {"cc", by_cc},
    {"next_peer", by_next_peer},
    {"decided_by", by_decided_by},
};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

typedef struct grouping {
    const by_word *at[BY_MAX];
    size_t count;
} grouping;

static const by_word *find_word(cmp_str text)
{
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (cmp_str_equal(text, cmp_str_from(words[i].name))) {
            return &words[i];
        }
    }
    output_fail("--by: \"%.*s\" is none of day, hour, direction, peer, verdict, code, interface, "
                "cc, next_peer, decided_by",
                (int)text.size, text.at);
    return NULL;
}

static bool read_grouping(const char *text, grouping *g)
{
    g->count = 0;
    for (const char *at = text, *next; at != NULL; at = next) {
        const char *comma = strchr(at, ',');
        const cmp_str word = {at, comma != NULL ? (size_t)(comma - at) : strlen(at)};
        next = comma != NULL ? comma + 1 : NULL;
        const by_word *found = find_word(word);
        if (found == NULL) {
            return false;
        }
        if (g->count == BY_MAX) {
            output_fail("--by: more than %d words", BY_MAX);
            return false;
        }
        g->at[g->count++] = found;
    }
    return true;
}

/* ---- counting ---- */

enum { CELL_COUNT, CELL_TOOK_US, CELL_OCTETS_OUT, CELLS };
static const char *const cell_names[] = {"count", "took_us", "octets_out", NULL};

static void count(tally *t, const grouping *g, const journal_record *r)
{
    cmp_str texts[BY_MAX];
    char rooms[BY_MAX][KIT_TIME_TEXT_SIZE];
    for (size_t i = 0; i < g->count; i++) {
        texts[i] = g->at[i]->of(r, rooms[i]);
    }
    uint64_t *cells = tally_cells(t, texts);
    cells[CELL_COUNT]++;
    cells[CELL_TOOK_US] += r->took_us;
    cells[CELL_OCTETS_OUT] += r->octets_out;
}

static int run(const stats_options *o, const journal_filter *f, const grouping *g, int form)
{
    journal_reader *reader = journal_filter_open(f);
    if (reader == NULL) {
        return EXIT_CANNOT;
    }
    const char *names[BY_MAX];
    for (size_t i = 0; i < g->count; i++) {
        names[i] = g->at[i]->name;
    }
    tally *t = tally_create(names, g->count, cell_names, CELLS);
    progress p;
    uint64_t read = 0, done, all;
    journal_reader_progress(reader, &done, &all);
    progress_begin(&p, "read", all, o->quiet);
    p.what = "records";
    for (const journal_record *r; !interrupt_came() && (r = journal_reader_next(reader)) != NULL;) {
        if (journal_filter_fits(f, r)) {
            count(t, g, r);
        }
        if (++read % 1024 == 0) {
            journal_reader_progress(reader, &done, &all);
            progress_update(&p, done, read);
        }
    }
    progress_clear(&p);
    tally_print(t, (journal_form)form, stdout);
    tally_destroy(&t);
    journal_warn(f, reader);
    journal_reader_close(&reader);
    if (interrupt_came()) {
        return output_fail("interrupted: the counts are not whole");
    }
    return EXIT_GOOD;
}

int journal_stats_run(int argc, char **argv)
{
    stats_options o = {.by = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    int form = JOURNAL_TABLE;
    grouping g;
    journal_filter f;
    if ((o.form != NULL && !args_choice("form", o.form, journal_form_names, &form)) ||
        !read_grouping(o.by != NULL ? o.by : BY_DEFAULT, &g) ||
        !journal_filter_make(&o.given, &f)) {
        return EXIT_CANNOT;
    }
    interrupt_catch();
    const int status = run(&o, &f, &g, form);
    journal_filter_free(&f);
    return status;
}
