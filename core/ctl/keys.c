/* `cmpctl keys`: finds the subcommand and hands over to its file. */
#include "ctl/keys.h"

#include "base/text.h"
#include "ctl/commands.h"
#include "ctl/output.h"

typedef struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} subcommand;

static const subcommand subcommands[] = {
    {"issue", keys_issue_run, "make a key for a peer that will sign to us"},
    {"import", keys_import_run, "take in a key that a peer has issued to us"},
    {"list", keys_list_run, "show all keys and whether they are valid; never secrets"},
    {"revoke", keys_revoke_run, "end a key's validity"},
};

enum { SUBCOMMAND_COUNT = sizeof(subcommands) / sizeof(subcommands[0]) };

static void print_usage(FILE *to)
{
    fputs("Usage: cmpctl keys SUBCOMMAND [OPTION]…\n\n"
          "Keeps the keyring: the file with the keys that we issued to peers (they sign, we\n"
          "verify) and those that we received from peers (we sign, they verify).\n\n"
          "Subcommands:\n",
          to);
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        fprintf(to, "  %-10s %s\n", subcommands[i].name, subcommands[i].summary);
    }
    fputs("\ncmpd takes a changed keyring in when it reloads.\n", to);
}

static int refuse(const char *word)
{
    const char *names[SUBCOMMAND_COUNT + 1] = {NULL};
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        names[i] = subcommands[i].name;
    }
    const char *near = name_nearest(cmp_str_from(word), names);
    return near != NULL
               ? output_fail("keys %s: there is no such command; did you mean keys %s?", word, near)
               : output_fail("keys %s: there is no such command; see cmpctl keys --help", word);
}

int keys_run(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_CANNOT;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return EXIT_GOOD;
    }
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        if (strcmp(argv[1], subcommands[i].name) == 0) {
            return subcommands[i].run(argc - 1, argv + 1);
        }
    }
    return refuse(argv[1]);
}
