/* SPDX-License-Identifier: Apache-2.0 */
/* Sums by texts that things have in common: a row for each combination, printed in their order. */
#pragma once

#include "ctl/journal_write.h"

typedef struct tally tally;

/* `names` of the texts and of the sums; both are copied as pointers, to texts that outlive it.
 * Never NULL. */
tally *tally_create(const char *const *names, size_t name_count, const char *const *cells,
                    size_t cell_count);
void tally_destroy(tally **t);

/* The sums of a combination, which begin with 0; good until the next call. Absent texts are empty
 * ones. */
uint64_t *tally_cells(tally *t, const cmp_str *texts);

/* Adds all rows of `from`, whose first texts are those of this one: `fold` adds its sums. */
void tally_fold(tally *t, const tally *from, void (*fold)(uint64_t *cells, const uint64_t *from));

/* The rows, in the order of their texts after tally_sort. */
size_t tally_count(const tally *t);
void tally_row_at(const tally *t, size_t i, const cmp_str **texts, const uint64_t **cells);
void tally_sort(tally *t);

/* Sorted. */
void tally_print(tally *t, journal_form form, FILE *to);
