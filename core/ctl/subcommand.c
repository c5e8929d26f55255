/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a subcommand and hands over to its file. */
#include "ctl/subcommand.h"

#include "base/names.h"
#include "ctl/output.h"

#include <stdlib.h>

void subcommand_print_all(const subcommand *at, FILE *to)
{
    for (const subcommand *s = at; s->name != NULL; s++) {
        fprintf(to, "  %-10s %s\n", s->name, s->summary);
    }
}

static const char *nearest(const subcommand *at, const char *word)
{
    size_t count = 0;
    while (at[count].name != NULL) {
        count++;
    }
    const char **names = kit_calloc(count + 1, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        names[i] = at[i].name;
    }
    const char *near = name_nearest(cmp_str_from(word), names);
    free(names);
    return near;
}

const subcommand *subcommand_find(const subcommand *at, const char *group, const char *word)
{
    for (const subcommand *s = at; s->name != NULL; s++) {
        if (strcmp(word, s->name) == 0) {
            return s;
        }
    }
    const char *near = nearest(at, word), *blank = group != NULL ? " " : "";
    group = group != NULL ? group : "";
    if (near != NULL) {
        output_fail("%s%s%s: there is no such command; did you mean %s%s%s?", group, blank, word,
                    group, blank, near);
    } else {
        output_fail("%s%s%s: there is no such command; see cmpctl %s%s--help", group, blank, word,
                    group, blank);
    }
    return NULL;
}

static void print_usage(const subcommand_group *g, FILE *to)
{
    fprintf(to, "Usage: cmpctl %s SUBCOMMAND [OPTION]…\n\n%s\n\nSubcommands:\n", g->name,
            g->before);
    subcommand_print_all(g->at, to);
    if (g->after != NULL) {
        fprintf(to, "\n%s\n", g->after);
    }
}

int subcommand_run(const subcommand_group *g, int argc, char **argv)
{
    if (argc < 2) {
        print_usage(g, stderr);
        return EXIT_CANNOT;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(g, stdout);
        return EXIT_GOOD;
    }
    const subcommand *s = subcommand_find(g->at, g->name, argv[1]);
    return s != NULL ? s->run(argc - 1, argv + 1) : EXIT_CANNOT;
}
