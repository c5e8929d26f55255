/* SPDX-License-Identifier: Apache-2.0 */
/* What a record of the journal costs, in CPU, user and system, of the worker's thread and of the
 * writer's:
 *
 *     bench_journal [RECORDS [ROUNDS [FOLDER]]]
 *
 * As fast as requests may come to one worker, with pauses in which the writer takes what has come;
 * those are the same without a journal, and not counted. Each round has a journal with pseudonyms
 * and one without. The median is told, and the best round: whatever else the machine does adds. */
#include "journal/journal.h"

#include "base/clock.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TURN       400 /* records between two pauses of 10 ms: 40,000 a second */
#define ROUNDS_MAX 1000

typedef struct cost {
    double worker, writer; /* nanoseconds a record */
} cost;

static double cpu_ns(clockid_t of)
{
    struct timespec time;
    clock_gettime(of, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* The counters look at the clock at a transaction's end, and hand that on. */
static void put(journal *j, int64_t begun_us, const cmp_str *params)
{
    journal_record r;
    journal_record_begin(&r, JOURNAL_TRANSACTION);
    r.verdict = JOURNAL_RESOLVED;
    r.when_us = begun_us;
    r.took_us = 150;
    r.status = 200;
    r.octets_in = 180;
    r.octets_out = 150;
    journal_record_text(&r, JOURNAL_TID, CMP_STR("0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"));
    journal_record_text(&r, JOURNAL_ICI, CMP_STR("1A0F1-0123456789ABCD"));
    journal_record_text(&r, JOURNAL_PEER, CMP_STR("partner"));
    journal_record_text(&r, JOURNAL_LISTENER, CMP_STR("peers"));
    journal_record_text(&r, JOURNAL_DECIDED_BY, CMP_STR("codes"));
    journal_record_text(&r, JOURNAL_CC, CMP_STR("GB"));
    journal_add_pseudonyms(j, &r, params);
    journal_put(j, 0, &r);
}

static void pause_10ms(void)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    nanosleep(&pause, NULL);
}

/* Of a request, too, its turn's time is known. Returns the CPU of all but the pauses. */
static double put_many(journal *j, uint64_t count, const cmp_str *params)
{
    double all_ns = 0;
    for (uint64_t turn = 0; turn < count / TURN; turn++) {
        const int64_t turn_us = clock_now_us();
        const double before = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
        for (int i = 0; i < TURN; i++) {
            put(j, turn_us, params);
        }
        all_ns += cpu_ns(CLOCK_THREAD_CPUTIME_ID) - before;
        pause_10ms();
    }
    return all_ns;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* Its first records are in a file: what is done once is not measured. */
static journal *open_journal(const char *folder, uint64_t pseudonyms, const cmp_str *params)
{
    const journal_options options = {.path = folder,
                                     .workers = 1,
                                     .segment_bytes = 64 << 20,
                                     .segment_age_ms = 3600000,
                                     .keep_ms = 3600000,
                                     .keep_bytes = UINT64_C(1) << 40,
                                     .rejections = 3600,
                                     .rejections_bytes = 1 << 20,
                                     .pseudonyms = pseudonyms,
                                     .period_ms = 86400000};
    char error[256];
    journal *j = journal_open(&options, error, sizeof(error));
    if (j == NULL) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    put_many(j, 20 * TURN, params);
    return j;
}

static cost measure(uint64_t pseudonyms, uint64_t count, const char *in)
{
    static const cmp_str params[CMP_PARAM_MAX] = {[CMP_PARAM_USER] = CMP_STR("user-0123456789")};
    char folder[4096];
    snprintf(folder, sizeof(folder), "%s/bench-journal-XXXXXX", in);
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        exit(1);
    }
    journal *j = open_journal(folder, pseudonyms, params);
    const double worker = cpu_ns(CLOCK_THREAD_CPUTIME_ID), all = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    const double put_ns = put_many(j, count, params);
    const double worker_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - worker;
    const double all_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - all;
    journal_close(&j);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return (cost){put_ns / (double)count, (all_ns - worker_ns) / (double)count};
}

/* ---- what came of it ---- */

static int compare(const void *a, const void *b)
{
    const cost *x = a, *y = b;
    const double difference = x->worker + x->writer - y->worker - y->writer;
    return difference < 0 ? -1 : difference > 0;
}

static void tell(const char *what, cost *costs, size_t count)
{
    qsort(costs, count, sizeof(*costs), compare);
    const cost median = costs[count / 2], best = costs[0];
    printf("%s: %.0f ns (worker %.0f, writer %.0f); best round: %.0f ns (%.0f, %.0f)\n", what,
           median.worker + median.writer, median.worker, median.writer, best.worker + best.writer,
           best.worker, best.writer);
}

int main(int argc, char **argv)
{
    const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 40000;
    size_t rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 9;
    const char *in = argc > 3 ? argv[3] : "/tmp";
    static cost plain[ROUNDS_MAX], keyed[ROUNDS_MAX];
    rounds = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
    for (size_t i = 0; i < rounds; i++) {
        plain[i] = measure(0, count, in);
        keyed[i] = measure(1U << JOURNAL_USER, count, in);
    }
    tell("a record", plain, rounds);
    tell("with a pseudonym", keyed, rounds);
    return 0;
}
