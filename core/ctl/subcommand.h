/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that only group others: `cmpctl keys …`, `cmpctl codes …`. */
#pragma once

typedef struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the name */
    const char *summary;               /* one line, no full stop */
} subcommand;

typedef struct subcommand_group {
    const char *name;
    const char *before, *after; /* paragraphs around the list; `after` may be NULL */
    const subcommand *at;       /* ended by a row without a name */
} subcommand_group;

/* Runs what argv[1] names, or tells what there is. Returns the exit status. */
int subcommand_run(const subcommand_group *group, int argc, char **argv);
