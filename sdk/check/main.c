/* SPDX-License-Identifier: Apache-2.0 */
/* cmp-plugin-check: whether a plugin keeps the rules of the ABI, and which it breaks. */
#include "static_look.h"

#include <cmp/plugin.h>

#include <getopt.h>
#include <limits.h>
#include <ltdl.h>
#include <stdlib.h>

enum { EXIT_GOOD, EXIT_FAULTS, EXIT_USAGE };

static const char help[] =
    "Usage: cmp-plugin-check [OPTION]... FILE.so\n"
    "\n"
    "Checks a plugin against the rules of the plugin ABI: its file, and how it is loaded.\n"
    "\n"
    "  --json     one JSON object instead of lines\n"
    "  --help     this text\n"
    "  --version  version and plugin ABI\n"
    "\n"
    "Exit status: 0 no rule is broken, 1 at least one is, 2 the command line is wrong.\n";

int main(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {NULL, 0, NULL, 0}};
    bool json = false;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'j':
            json = true;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_GOOD;
        case 'V':
            printf("cmp-plugin-check %s, plugin ABI %d.%d\n", CMPD_VERSION, CMP_ABI_MAJOR,
                   CMP_ABI_MINOR);
            return EXIT_GOOD;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "cmp-plugin-check: one FILE.so is wanted; see --help\n");
        return EXIT_USAGE;
    }
    char path[PATH_MAX];
    if (realpath(argv[optind], path) == NULL) {
        fprintf(stderr, "cmp-plugin-check: %s: %m\n", argv[optind]);
        return EXIT_USAGE;
    }
    lt_dlinit();
    findings *f = findings_create(path);
    static_look(path, f);
    (json ? findings_print_json : findings_print)(f, stdout);
    const bool good = findings_faults(f) == 0;
    findings_destroy(&f);
    lt_dlexit();
    return good ? EXIT_GOOD : EXIT_FAULTS;
}
