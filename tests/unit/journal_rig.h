/* SPDX-License-Identifier: Apache-2.0 */
/* A journal in a folder of the test's own. */
#pragma once

#include "journal/journal.h"
#include "journal/reader.h"

#define JOURNAL_RIG_FOLDER "j"
#define JOURNAL_RIG_DAY_MS INT64_C(86400000)

/* A test's setup: nothing is there. */
int journal_rig_begin(void **state);

/* Two workers; nothing is packed. */
journal_options journal_rig_options(void);
journal *journal_rig_start(const journal_options *o);

/* A record with the tid "WORKER-NUMBER". Returns it, without the tid. */
journal_record journal_rig_put(journal *j, unsigned worker, journal_kind kind, uint64_t number);

/* Reads all that is there, of which nothing may be damaged; `visit` may be NULL. */
journal_state journal_rig_read(journal_stream stream,
                               void (*visit)(const journal_record *r, void *arg), void *arg);

/* How many files' names end so. */
unsigned journal_rig_files(const char *suffix);
