/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that only group others: `cmpctl keys …`, `cmpctl codes …`. */
#pragma once

#include <stdio.h>

/* One command, of cmpctl or of a group. */
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

/* The one of that name; NULL after a message that says which is near. `group` is the group's name;
 * NULL: they are cmpctl's own. */
const subcommand *subcommand_find(const subcommand *at, const char *group, const char *word);

/* Prints a line for each. */
void subcommand_print_all(const subcommand *at, FILE *to);

/* Runs what argv[1] names, or tells what there is. Returns the exit status. */
int subcommand_run(const subcommand_group *group, int argc, char **argv);
