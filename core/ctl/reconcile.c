/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl journal reconcile`: two exports, a thread for each to read them, and both for the parts.
 */
#include "ctl/args.h"
#include "ctl/interrupt.h"
#include "ctl/journal.h"
#include "ctl/newfile.h"
#include "ctl/output.h"
#include "ctl/recon_result.h"

#include "base/clock.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>
#include <time.h>

#define THREADS      2
#define PART_RECORDS ((uint64_t)100000) /* of one side: 5 MiB of entries */
#define LINE_ABOUT   150                /* octets, of a short one */
#define OFFSET_PAIRS ((size_t)20000)
#define TOLERANCE_MS 2000
#define EXAMPLES     3

typedef struct reconcile_options {
    const char *peer, *as, *tolerance, *examples, *differences, *settlement, *temporary;
    bool json, quiet;
} reconcile_options;

static const args_row rows[] = {
    ARGS_ROW("peer", TEXT, reconcile_options, peer, "NAME",
             "what we call them; needed when OURS speaks of others, too"),
    ARGS_ROW("as", TEXT, reconcile_options, as, "NAME",
             "what they call us; needed when THEIRS speaks of others, too"),
    ARGS_ROW("tolerance", TEXT, reconcile_options, tolerance, "MS",
             "how far times may be apart, the clocks' offset taken off; otherwise 2000"),
    ARGS_ROW("examples", TEXT, reconcile_options, examples, "N",
             "show up to N of each class; otherwise 3"),
    ARGS_ROW("differences", TEXT, reconcile_options, differences, "FILE",
             "write all differences there, as NDJSON"),
    ARGS_ROW("settlement", TEXT, reconcile_options, settlement, "FILE",
             "write counts by day, peer, verdict and cc there, as CSV"),
    ARGS_ROW("temporary", TEXT, reconcile_options, temporary, "FOLDER",
             "for 48 octets a record; otherwise $TMPDIR, or /var/tmp"),
    ARGS_JSON_ROW(reconcile_options),
    ARGS_ROW("quiet", FLAG, reconcile_options, quiet, NULL, "show no progress"),
    {.name = NULL},
};

static const args_command command = {
    .name = "journal reconcile",
    .operands = "OURS THEIRS",
    .operand_count = 2,
    .summary = "Compares our export of transactions with a peer's, by tid (Table 19)",
    .details =
        "Both are files of NDJSON or CSV as cmpctl journal export writes them, and as a peer\n"
        "without cmpd can make them (cmpd-journal(5), journal-exchange.json): time, direction, "
        "tid\n"
        "and verdict have to be there. What one side asked is found in what the other was asked.\n"
        "Exit status: 0 there is no difference, 1 there are some, 2 it could not be told.\n\n"
        "  cmpctl journal reconcile october.csv from-b.csv --peer b --as a --settlement bill.csv\n",
    .rows = rows,
};

/* ---- work of threads ---- */

typedef struct reconcile {
    const reconcile_options *o;
    recon_file files[RECON_SIDES];
    recon_result result;
    const char *folder;
    unsigned parts;
    _Atomic unsigned next_part;
    pthread_mutex_t lock;
    FILE *differences; /* NULL: not wanted */
    _Atomic unsigned parts_done;
} reconcile;

typedef struct job {
    reconcile *r;
    unsigned index;
    recon_result found;
    bool good;
} job;

static void *cut_side(void *arg)
{
    job *j = arg;
    j->good = recon_file_cut(&j->r->files[j->index], j->r->folder);
    return NULL;
}

static void take_result(recon_class c, const recon_entry *ours, const recon_entry *theirs,
                        void *arg)
{
    job *j = arg;
    recon_result_add(&j->found, c, ours, theirs);
    if (j->r->differences != NULL && recon_class_is_difference[c]) {
        const recon_example e = {.has = {ours != NULL, theirs != NULL},
                                 .at = {ours != NULL ? ours->at : 0,
                                        theirs != NULL ? theirs->at : 0}};
        pthread_mutex_lock(&j->r->lock);
        recon_write_difference(&j->r->result, c, &e, j->r->differences);
        pthread_mutex_unlock(&j->r->lock);
    }
}

typedef struct part {
    recon_entry *entries[RECON_SIDES];
    size_t counts[RECON_SIDES];
} part;

static bool part_load(reconcile *r, unsigned index, part *p)
{
    for (int i = 0; i < RECON_SIDES; i++) {
        p->entries[i] = recon_file_part(&r->files[i], index, &p->counts[i]);
    }
    return r->files[RECON_OURS].error[0] == '\0' && r->files[RECON_THEIRS].error[0] == '\0';
}

static void part_free(part *p)
{
    free(p->entries[RECON_OURS]);
    free(p->entries[RECON_THEIRS]);
}

static void *match_parts(void *arg)
{
    job *j = arg;
    reconcile *r = j->r;
    j->good = true;
    for (unsigned at; j->good && (at = r->next_part++) < r->parts;) {
        part p;
        j->good = part_load(r, at, &p) && !interrupt_came();
        if (j->good) {
            recon_match(p.entries[RECON_OURS], p.counts[RECON_OURS], p.entries[RECON_THEIRS],
                        p.counts[RECON_THEIRS], r->result.offset_ms, r->result.tolerance_ms,
                        take_result, j);
        }
        part_free(&p);
        r->parts_done++;
    }
    return NULL;
}

/* Both jobs, while this thread tells how far they are. */
static bool run_both(reconcile *r, job jobs[THREADS], void *(*run)(void *arg), progress *p,
                     bool reading)
{
    pthread_t threads[THREADS];
    unsigned started = 0;
    while (started < THREADS && pthread_create(&threads[started], NULL, run, &jobs[started]) == 0) {
        started++;
    }
    for (unsigned i = 0; i < started; i++) {
        struct timespec until;
        do {
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += 100000000;
            until.tv_sec += until.tv_nsec / 1000000000;
            until.tv_nsec %= 1000000000;
            progress_update(p,
                            reading ? atomic_load(&r->files[RECON_OURS].done) +
                                          atomic_load(&r->files[RECON_THEIRS].done)
                                    : r->parts_done,
                            reading ? 0 : r->parts_done);
        } while (pthread_timedjoin_np(threads[i], NULL, &until) != 0);
    }
    progress_clear(p);
    bool good = started == THREADS;
    for (unsigned i = 0; i < started; i++) {
        good = good && jobs[i].good;
    }
    return good;
}

/* ---- clocks ---- */

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* A part is as good as a sample: it was chosen by a hash. */
static bool estimate_offset(reconcile *r)
{
    int64_t *times = kit_alloc(OFFSET_PAIRS * sizeof(*times));
    size_t count = 0;
    bool good = true;
    for (unsigned at = 0; good && at < r->parts && count < OFFSET_PAIRS; at++) {
        part p;
        good = part_load(r, at, &p);
        count += recon_offsets(p.entries[RECON_OURS], p.counts[RECON_OURS], p.entries[RECON_THEIRS],
                               p.counts[RECON_THEIRS], times + count, OFFSET_PAIRS - count);
        part_free(&p);
    }
    if (count > 0) {
        qsort(times, count, sizeof(*times), compare_times);
        r->result.offset_ms = times[count / 2];
        r->result.offset_low_ms = times[count / 20];
        r->result.offset_high_ms = times[count - 1 - count / 20];
    }
    r->result.offset_pairs = count;
    free(times);
    return good;
}

/* ---- the command ---- */

static int tell_error(const reconcile *r)
{
    for (int i = 0; i < RECON_SIDES; i++) {
        if (r->files[i].error[0] != '\0') {
            output_fail("%s", r->files[i].error);
        }
    }
    return interrupt_came() ? output_fail("interrupted: nothing was told") : EXIT_CANNOT;
}

static bool cut_files(reconcile *r)
{
    job jobs[THREADS] = {{.r = r, .index = RECON_OURS}, {.r = r, .index = RECON_THEIRS}};
    progress p;
    progress_begin(&p, "cut", r->files[RECON_OURS].size + r->files[RECON_THEIRS].size, r->o->quiet);
    p.what = "parts";
    return run_both(r, jobs, cut_side, &p, true);
}

static bool match_files(reconcile *r)
{
    job jobs[THREADS] = {{.r = r}, {.r = r}};
    progress p;
    progress_begin(&p, "compared", r->parts, r->o->quiet);
    p.what = "parts";
    for (int i = 0; i < THREADS; i++) {
        recon_result_init(&jobs[i].found, r->files);
        jobs[i].found.examples_wanted = r->result.examples_wanted;
    }
    const bool good = run_both(r, jobs, match_parts, &p, false);
    for (int i = 0; i < THREADS; i++) {
        recon_result_merge(&r->result, &jobs[i].found);
        recon_result_dispose(&jobs[i].found);
    }
    return good;
}

static bool write_settlement(reconcile *r)
{
    newfile *file = r->o->settlement != NULL ? newfile_open(r->o->settlement) : NULL;
    if (file == NULL) {
        return r->o->settlement == NULL;
    }
    recon_write_settlement(&r->result, newfile_stream(file));
    return newfile_commit(&file);
}

static int report(reconcile *r)
{
    if (r->o->json) {
        recon_result_print_json(&r->result);
    } else {
        recon_result_print(&r->result, stdout);
    }
    if (!write_settlement(r) || output_end() != EXIT_GOOD) {
        return EXIT_CANNOT;
    }
    return recon_result_differences(&r->result) == 0 ? EXIT_GOOD : EXIT_BAD;
}

static void choose_parts(reconcile *r)
{
    uint64_t largest = 0;
    for (int i = 0; i < RECON_SIDES; i++) {
        largest = r->files[i].size > largest ? r->files[i].size : largest;
    }
    const uint64_t parts = largest / LINE_ABOUT / PART_RECORDS + 1;
    r->parts = (unsigned)(parts < RECON_PARTS_MAX ? parts : RECON_PARTS_MAX);
    r->files[RECON_OURS].parts = r->files[RECON_THEIRS].parts = r->parts;
}

static int run(reconcile *r)
{
    const int64_t begin_ms = (int64_t)clock_monotonic_ms();
    newfile *differences = NULL;
    if (r->o->differences != NULL) {
        differences = newfile_open(r->o->differences);
        if (differences == NULL) {
            return EXIT_CANNOT;
        }
        r->differences = newfile_stream(differences);
    }
    choose_parts(r);
    if (!cut_files(r) || !estimate_offset(r) || !match_files(r)) {
        newfile_discard(&differences);
        return tell_error(r);
    }
    for (int i = 0; i < RECON_SIDES; i++) {
        r->result.temporary_bytes += r->files[i].records * sizeof(recon_entry);
    }
    r->result.seconds = (double)((int64_t)clock_monotonic_ms() - begin_ms) / 1000;
    if (differences != NULL && !newfile_commit(&differences)) {
        return EXIT_CANNOT;
    }
    return report(r);
}

static const char *temporary_folder(const char *given)
{
    const char *folder = given != NULL ? given : getenv("TMPDIR");
    return folder != NULL && *folder != '\0' ? folder : "/var/tmp";
}

int journal_reconcile_run(int argc, char **argv)
{
    reconcile_options o = {.peer = NULL};
    const char *paths[RECON_SIDES];
    const args_result parsed = args_parse(&command, argc, argv, &o, paths);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    int64_t examples, tolerance_ms;
    if (!args_not_empty("--peer", o.peer) || !args_not_empty("--as", o.as) ||
        !args_number("tolerance", o.tolerance, TOLERANCE_MS, 0, INT64_C(86400000), &tolerance_ms) ||
        !args_number("examples", o.examples, EXAMPLES, 0, RECON_EXAMPLES_MAX, &examples)) {
        return EXIT_CANNOT;
    }
    reconcile r = {.o = &o,
                   .folder = temporary_folder(o.temporary),
                   .lock = PTHREAD_MUTEX_INITIALIZER,
                   .files = {{.peer = cmp_str_from(o.peer), .fd = -1},
                             {.peer = cmp_str_from(o.as), .theirs = true, .fd = -1}}};
    recon_result_init(&r.result, r.files);
    r.result.tolerance_ms = tolerance_ms;
    r.result.examples_wanted = (size_t)examples;
    interrupt_catch();
    const bool good = recon_file_open(&r.files[RECON_OURS], paths[RECON_OURS]) &&
                      recon_file_open(&r.files[RECON_THEIRS], paths[RECON_THEIRS]);
    const int status = good ? run(&r) : EXIT_CANNOT;
    for (int i = 0; i < RECON_SIDES; i++) {
        recon_file_close(&r.files[i]);
    }
    recon_result_dispose(&r.result);
    return status;
}
