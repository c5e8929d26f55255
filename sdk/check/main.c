/* SPDX-License-Identifier: Apache-2.0 */
/* cmp-plugin-check: whether a plugin keeps the rules of the ABI, and which it breaks. */
#include "base/hash.h"
#include "run.h"
#include "static_look.h"

#include <cmp/plugin.h>

#include <getopt.h>
#include <limits.h>
#include <ltdl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_GOOD, EXIT_FAULTS, EXIT_USAGE, EXIT_NOT_SEEN };

static const char help[] =
    "Usage: cmp-plugin-check [OPTION]... FILE.so\n"
    "\n"
    "Checks a plugin against the rules of the plugin ABI: its file, how it is loaded, and what it\n"
    "does in trials, each in a process of its own, of its life, answers, cancelling, services "
    "that\n"
    "fail, hostile input, and memory (valgrind, where it is installed).\n"
    "\n"
    "  --options FILE  the instance's options in YAML, as they stand in a configuration beside\n"
    "                  `use:`; relative paths begin in its folder. Peers b and registry exist\n"
    "  --write         a store's codes may be changed; they are left as they were\n"
    "  --static        no trials: nothing of it is called\n"
    "  --no-valgrind   memory is not looked at; faster\n"
    "  --json          one JSON object instead of lines\n"
    "  --help          this text\n"
    "  --version       version and plugin ABI\n"
    "\n"
    "Exit status: 0 no rule is broken, 1 at least one is, 2 the command line is wrong, or stdout\n"
    "cannot be written, 3 no rule is broken, but not all could be looked at.\n";

typedef struct arguments {
    bool json, only_static, no_valgrind, brief, may_write;
    const char *trial; /* one of its own children: run this one (run.c) */
    char plugin[PATH_MAX], options[PATH_MAX];
} arguments;

static bool take_path(const char *given, char path[PATH_MAX])
{
    if (realpath(given, path) == NULL) {
        fprintf(stderr, "cmp-plugin-check: %s: %m\n", given);
        return false;
    }
    return true;
}

static bool take_options(const char *given, char path[PATH_MAX])
{
    struct stat s;
    if (!take_path(given, path)) {
        return false;
    }
    if (stat(path, &s) != 0 || access(path, R_OK) != 0) {
        fprintf(stderr, "cmp-plugin-check: %s: %m\n", given);
        return false;
    }
    if (!S_ISREG(s.st_mode)) { /* each trial reads it anew */
        fprintf(stderr, "cmp-plugin-check: %s: it is no regular file\n", given);
        return false;
    }
    if (s.st_size > RUN_OPTIONS_MAX) {
        fprintf(stderr, "cmp-plugin-check: %s: it has more than %d octets\n", given,
                RUN_OPTIONS_MAX);
        return false;
    }
    return true;
}

/* Returns an exit status, or -1: go on. */
static int take_arguments(int argc, char **argv, arguments *a)
{
    static const struct option options[] = {
        {"options", required_argument, NULL, 'o'}, {"write", no_argument, NULL, 'w'},
        {"static", no_argument, NULL, 's'},        {"no-valgrind", no_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},          {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},       {"trial", required_argument, NULL, 't'},
        {"brief", no_argument, NULL, 'b'},         {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'o':
            if (!take_options(optarg, a->options)) {
                return EXIT_USAGE;
            }
            break;
        case 'w':
            a->may_write = true;
            break;
        case 's':
            a->only_static = true;
            break;
        case 'n':
            a->no_valgrind = true;
            break;
        case 'j':
            a->json = true;
            break;
        case 't':
            a->trial = optarg;
            break;
        case 'b':
            a->brief = true;
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
    return take_path(argv[optind], a->plugin) ? -1 : EXIT_USAGE;
}

static int check(const arguments *a, const run_options *o)
{
    findings *f = findings_create(a->plugin);
    if (static_look(a->plugin, f) && !a->only_static) {
        run_trials(o, f);
    }
    (a->json ? findings_print_json : findings_print)(f, stdout);
    const int status = findings_faults(f) != 0   ? EXIT_FAULTS
                       : findings_unseen(f) != 0 ? EXIT_NOT_SEEN
                                                 : EXIT_GOOD;
    findings_destroy(&f);
    return status;
}

/* Findings that nobody could read are no good ones: a build is not to go on with them. */
static int printed(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    fputs("cmp-plugin-check: stdout cannot be written\n", stderr);
    return status != EXIT_GOOD ? status : EXIT_USAGE;
}

int main(int argc, char **argv)
{
    arguments a = {.json = false};
    int status = take_arguments(argc, argv, &a);
    if (status >= 0) {
        return printed(status);
    }
    const run_options o = {.plugin = a.plugin,
                           .options = a.options[0] != '\0' ? a.options : NULL,
                           .may_write = a.may_write,
                           .no_valgrind = a.no_valgrind};
    lt_dlinit();
    hash_seed_init();
    status = a.trial != NULL ? run_one(&o, a.trial, RUN_FD, a.brief) : printed(check(&a, &o));
    lt_dlexit();
    return status;
}
