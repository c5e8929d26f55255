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

void tally_print(tally *t, journal_form form, FILE *to);
