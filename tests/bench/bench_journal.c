/* SPDX-License-Identifier: Apache-2.0 */
/* What a record of the journal costs, in CPU of the whole process, the writer's thread included:
 *
 *     bench_journal [RECORDS]
 *
 * As fast as requests may come, with pauses in which the writer takes what has come. */
#include "journal/journal.h"

#include "base/clock.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define TURN 400 /* records between two pauses of 10 ms: 40,000 a second */

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
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
    r.texts[JOURNAL_TID] = CMP_STR("0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b");
    r.texts[JOURNAL_ICI] = CMP_STR("1A0F1-0123456789ABCD");
    r.texts[JOURNAL_PEER] = CMP_STR("partner");
    r.texts[JOURNAL_LISTENER] = CMP_STR("peers");
    r.texts[JOURNAL_DECIDED_BY] = CMP_STR("codes");
    r.texts[JOURNAL_CC] = CMP_STR("GB");
    journal_add_pseudonyms(j, &r, params);
    journal_put(j, 0, &r);
}

static void pause_10ms(void)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    nanosleep(&pause, NULL);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* Nanoseconds a record. */
static double measure(uint64_t pseudonyms, bool record, uint64_t count)
{
    char folder[] = "/tmp/bench-journal-XXXXXX", error[256];
    if (mkdtemp(folder) == NULL) {
        exit(1);
    }
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
    const cmp_str params[CMP_PARAM_MAX] = {[CMP_PARAM_USER] = CMP_STR("user-0123456789")};
    journal *j = journal_open(&options, error, sizeof(error));
    if (j == NULL) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    const double before = cpu_s();
    int64_t turn_us = clock_now_us(); /* of a request too, its turn's time is known */
    for (uint64_t i = 0; i < count; i++) {
        if (record) {
            put(j, turn_us, params);
        }
        if (i % TURN == TURN - 1) {
            pause_10ms();
            turn_us = clock_now_us();
        }
    }
    journal_close(&j);
    const double ns = (cpu_s() - before) / (double)count * 1e9;
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return ns;
}

int main(int argc, char **argv)
{
    const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    for (int round = 0; round < 3; round++) {
        const double nothing = measure(0, false, count), plain = measure(0, true, count);
        const double keyed = measure(1U << JOURNAL_USER, true, count);
        printf("a record: %.0f ns; with a pseudonym: %.0f ns\n", plain - nothing, keyed - nothing);
    }
    return 0;
}
