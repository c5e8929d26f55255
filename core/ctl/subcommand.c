/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a subcommand and hands over to its file. */
#include "ctl/subcommand.h"

#include "base/names.h"
#include "ctl/output.h"

#include <stdlib.h>

static void print_usage(const subcommand_group *g, FILE *to)
{
    fprintf(to, "Usage: cmpctl %s SUBCOMMAND [OPTION]…\n\n%s\n\nSubcommands:\n", g->name,
            g->before);
    for (const subcommand *s = g->at; s->name != NULL; s++) {
        fprintf(to, "  %-10s %s\n", s->name, s->summary);
    }
    if (g->after != NULL) {
        fprintf(to, "\n%s\n", g->after);
    }
}

static const char *nearest(const subcommand_group *g, const char *word)
{
    size_t count = 0;
    while (g->at[count].name != NULL) {
        count++;
    }
    const char **names = kit_calloc(count + 1, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        names[i] = g->at[i].name;
    }
    const char *near = name_nearest(cmp_str_from(word), names);
    free(names);
    return near;
}

static int refuse(const subcommand_group *g, const char *word)
{
    const char *near = nearest(g, word);
    return near != NULL ? output_fail("%s %s: there is no such command; did you mean %s %s?",
                                      g->name, word, g->name, near)
                        : output_fail("%s %s: there is no such command; see cmpctl %s --help",
                                      g->name, word, g->name);
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
    for (const subcommand *s = g->at; s->name != NULL; s++) {
        if (strcmp(argv[1], s->name) == 0) {
            return s->run(argc - 1, argv + 1);
        }
    }
    return refuse(g, argv[1]);
}
