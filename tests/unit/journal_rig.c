/* SPDX-License-Identifier: Apache-2.0 */
/* See journal_rig.h. */
#include "journal_rig.h"

#include "base/clock.h"
#include "scratch.h"

#include <dirent.h>

journal_options journal_rig_options(void)
{
    return (journal_options){.path = JOURNAL_RIG_FOLDER,
                             .workers = 2,
                             .segment_bytes = 1 << 20,
                             .segment_age_ms = JOURNAL_RIG_DAY_MS,
                             .keep_ms = 30 * JOURNAL_RIG_DAY_MS,
                             .keep_bytes = 1 << 30,
                             .rejections = 3600 * 10,
                             .rejections_bytes = 1 << 20,
                             .period_ms = JOURNAL_RIG_DAY_MS};
}

journal *journal_rig_start(const journal_options *o)
{
    char error[256];
    journal *j = journal_open(o, error, sizeof(error));
    assert_non_null(j);
    return j;
}

journal_record journal_rig_put(journal *j, unsigned worker, journal_kind kind, uint64_t number)
{
    char tid[40];
    const int size = snprintf(tid, sizeof(tid), "%u-%llu", worker, (unsigned long long)number);
    journal_record r = {.kind = kind,
                        .interface = CMP_INTERFACE_MC3,
                        .when_us = clock_now_ms() * 1000};
    journal_record_text(&r, JOURNAL_TID, (cmp_str){tid, (size_t)size});
    journal_put(j, worker, &r);
    r.present = 0;
    return r;
}

journal_state journal_rig_read(journal_stream stream,
                               void (*visit)(const journal_record *r, void *arg), void *arg)
{
    journal_reader *r =
        journal_reader_open(JOURNAL_RIG_FOLDER, stream, (journal_span){INT64_MIN, INT64_MAX});
    assert_non_null(r);
    for (const journal_record *record; (record = journal_reader_next(r)) != NULL;) {
        if (visit != NULL) {
            visit(record, arg);
        }
    }
    const journal_state state = *journal_reader_state(r);
    journal_reader_close(&r);
    assert_int_equal(state.damaged + state.torn + state.strange, 0);
    return state;
}

int journal_rig_begin(void **state)
{
    (void)state;
    nftw(JOURNAL_RIG_FOLDER, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}

unsigned journal_rig_files(const char *suffix)
{
    unsigned count = 0;
    DIR *dir = opendir(JOURNAL_RIG_FOLDER);
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        const size_t size = strlen(e->d_name), end = strlen(suffix);
        count += size > end && strcmp(e->d_name + size - end, suffix) == 0;
    }
    closedir(dir);
    return count;
}
