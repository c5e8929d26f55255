/* SPDX-License-Identifier: Apache-2.0 */
/* See recon_result.h. */
#include "ctl/recon_result.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/times.h>

#include <stdlib.h>

#define DAY_SIZE (sizeof("2026-11-24") - 1)

static const char *const sum_names[] = {"day", "asked_by", "verdict", "cc"};
static const char *const sum_cells[] = {"ours",        "theirs",    "agreed",
                                        "differences", "explained", NULL};

enum { SUM_DAY, SUM_ASKED_BY, SUM_VERDICT, SUM_CC, SUM_NAMES };

void recon_result_init(recon_result *r, recon_file *files)
{
    *r = (recon_result){.files = files};
    r->sums = tally_create(sum_names, SUM_NAMES, sum_cells, RECON_CELLS);
}

void recon_result_dispose(recon_result *r)
{
    tally_destroy(&r->sums);
    for (int i = 0; i < RECON_CLASS_MAX; i++) {
        free(r->examples[i]);
    }
}

/* ---- counting ---- */

/* What is billed is what was answered; else what the asker says. */
static const recon_entry *who_decides(const recon_entry *ours, const recon_entry *theirs)
{
    if (ours == NULL || theirs == NULL) {
        return ours != NULL ? ours : theirs;
    }
    const bool they_asked = (ours->flags & RECON_ASKED_BY_THEM) != 0;
    const recon_entry *answerer = they_asked ? ours : theirs;
    return (answerer->flags & RECON_REJECTION) == 0 ? answerer : they_asked ? theirs : ours;
}

static void count_sums(recon_result *r, recon_class c, const recon_entry *ours,
                       const recon_entry *theirs)
{
    const recon_entry *e = who_decides(ours, theirs);
    char time[KIT_TIME_TEXT_SIZE];
    kit_time_format(e->when_ms, time);
    const cmp_str texts[SUM_NAMES] = {
        [SUM_DAY] = {time, DAY_SIZE},
        [SUM_ASKED_BY] = (e->flags & RECON_ASKED_BY_THEM) != 0 ? CMP_STR("them") : CMP_STR("us"),
        [SUM_VERDICT] = cmp_str_from(recon_word_text(e->verdict)),
        [SUM_CC] = {e->cc, e->cc[0] != '\0' ? sizeof(e->cc) : 0},
    };
    uint64_t *cells = tally_cells(r->sums, texts);
    cells[RECON_CELL_OURS] += ours != NULL;
    cells[RECON_CELL_THEIRS] += theirs != NULL;
    cells[c == RECON_AGREED_CLASS        ? RECON_CELL_AGREED
          : recon_class_is_difference[c] ? RECON_CELL_DIFFERENCES
                                         : RECON_CELL_EXPLAINED]++;
}

static void keep_example(recon_result *r, recon_class c, const recon_entry *ours,
                         const recon_entry *theirs)
{
    if (c == RECON_AGREED_CLASS || r->example_counts[c] == r->examples_wanted) {
        return;
    }
    if (r->examples[c] == NULL) {
        r->examples[c] = kit_calloc(r->examples_wanted, sizeof(**r->examples));
    }
    r->examples[c][r->example_counts[c]++] =
        (recon_example){.has = {ours != NULL, theirs != NULL},
                        .at = {ours != NULL ? ours->at : 0, theirs != NULL ? theirs->at : 0}};
}

static void count_transaction(recon_result *r, const recon_entry *e)
{
    const bool they_asked = (e->flags & RECON_ASKED_BY_THEM) != 0;
    r->transactions[they_asked ? RECON_THEIRS : RECON_OURS] += (e->flags & RECON_RETRY) == 0;
}

void recon_result_add(recon_result *r, recon_class c, const recon_entry *ours,
                      const recon_entry *theirs)
{
    r->classes[c]++;
    keep_example(r, c, ours, theirs);
    if (c == RECON_STRANGERS_CLASS) {
        return;
    }
    count_sums(r, c, ours, theirs);
    if (c != RECON_DUPLICATE_OURS_CLASS && c != RECON_DUPLICATE_THEIRS_CLASS) {
        const recon_entry *any = ours != NULL ? ours : theirs;
        const bool they_asked = (any->flags & RECON_ASKED_BY_THEM) != 0;
        const recon_entry *asker = they_asked ? theirs : ours;
        count_transaction(r, asker != NULL ? asker : any);
    }
}

static void add_cells(uint64_t *cells, const uint64_t *from)
{
    for (int i = 0; i < RECON_CELLS; i++) {
        cells[i] += from[i];
    }
}

void recon_result_merge(recon_result *r, const recon_result *from)
{
    for (int c = 0; c < RECON_CLASS_MAX; c++) {
        r->classes[c] += from->classes[c];
        for (size_t i = 0; i < from->example_counts[c]; i++) {
            if (r->examples[c] == NULL) {
                r->examples[c] = kit_calloc(r->examples_wanted, sizeof(**r->examples));
            }
            if (r->example_counts[c] < r->examples_wanted) {
                r->examples[c][r->example_counts[c]++] = from->examples[c][i];
            }
        }
    }
    for (int i = 0; i < RECON_SIDES; i++) {
        r->transactions[i] += from->transactions[i];
    }
    tally_fold(r->sums, from->sums, add_cells);
}

uint64_t recon_result_differences(const recon_result *r)
{
    uint64_t count = 0;
    for (int c = 0; c < RECON_CLASS_MAX; c++) {
        count += recon_class_is_difference[c] ? r->classes[c] : 0;
    }
    return count;
}

/* ---- settlement ---- */

/* The peer is the same in all: whom we call so. */
void recon_write_settlement(recon_result *r, FILE *to)
{
    const recon_file *ours = &r->files[RECON_OURS];
    const cmp_str peer = ours->peer.at != NULL ? ours->peer : cmp_str_from(ours->peer_found);
    tally_sort(r->sums);
    fputs("day,asked_by,peer,verdict,cc,ours,theirs,agreed,disputed\n", to);
    for (size_t i = 0; i < tally_count(r->sums); i++) {
        const cmp_str *texts;
        const uint64_t *cells;
        tally_row_at(r->sums, i, &texts, &cells);
        fprintf(to, "%.*s,%.*s,", (int)texts[SUM_DAY].size, texts[SUM_DAY].at,
                (int)texts[SUM_ASKED_BY].size, texts[SUM_ASKED_BY].at);
        journal_write_csv(peer, to);
        putc(',', to);
        journal_write_csv(texts[SUM_VERDICT], to);
        putc(',', to);
        journal_write_csv(texts[SUM_CC], to);
        fprintf(to, ",%llu,%llu,%llu,%llu\n", (unsigned long long)cells[RECON_CELL_OURS],
                (unsigned long long)cells[RECON_CELL_THEIRS],
                (unsigned long long)cells[RECON_CELL_AGREED],
                (unsigned long long)cells[RECON_CELL_DIFFERENCES]);
    }
}
