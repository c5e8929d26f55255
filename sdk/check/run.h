/* SPDX-License-Identifier: Apache-2.0 */
/* Running trials, each in a process of its own: whatever a plugin does there is told here. */
#pragma once

#include "findings.h"

/* Octets that a file of options may have. */
#define RUN_OPTIONS_MAX 65535

/* Where a trial writes what it finds. */
#define RUN_FD 9

typedef struct run_options {
    const char *plugin;  /* its file, as an absolute path */
    const char *options; /* a file, as an absolute path; NULL: none */
    bool may_write, no_valgrind;
} run_options;

/* Runs all trials, and once more under valgrind where that is there. */
void run_trials(const run_options *o, findings *f);

/* In the child: runs the one trial; its exit status. `to` is the descriptor for what is found. */
int run_one(const run_options *o, const char *word, int to, bool brief);
