/* SPDX-License-Identifier: Apache-2.0 */
/* cmpctl: the tool of operators and developers. Finds the command and hands over to its file. */
#include "base/descriptors.h"
#include "base/hash.h"
#include "base/running.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/subcommand.h"
#include "observe/last_words.h"

#include <signal.h>

#ifndef CMPD_VERSION
#define CMPD_VERSION "development"
#endif

static const subcommand commands[] = {
    {"sign", sign_run, "show what is signed, and the signature"},
    {"verify", verify_run, "check a signature, and say why it does not hold"},
    {"resolve", resolve_run, "ask a CMP to resolve an ICI"},
    {"explain", explain_run, "show what the daemon would do with a request, and why"},
    {"status", status_run, "show how the daemon is, live on a terminal"},
    {"peers", peers_run, "show how it is with the daemon's peers, or with one of them"},
    {"metrics", metrics_run, "print all that the daemon counts and measures, for Prometheus"},
    {"stats", stats_run, "show what the daemon has counted, and the caches' hit ratios"},
    {"reload", reload_run, "have the daemon take its changed configuration, and wait for it"},
    {"plugins", plugins_run, "show all of the daemon's plugins, and how they fare"},
    {"restart", restart_run, "have a new process of the daemon take over, refusing nobody"},
    {"drain", drain_run, "have the daemon's clients go elsewhere"},
    {"undrain", undrain_run, "have the daemon serve again as before a drain"},
    {"log-level", log_level_run, "show which lines the daemon logs, or change it"},
    {"keys", keys_run, "issue, import, list and revoke keys"},
    {"journal", journal_run, "show, export, compare and count what was done for whom"},
    {"why", why_run, "tell what became of a transaction, and why"},
    {"codes", codes_run, "import, export, copy, show and change the codes of a store"},
    {"plugin", plugin_run, "give a command to one of the daemon's plugins, or list those it knows"},
    {"new-plugin", new_plugin_run, "make a folder with a new plugin, ready to build and to run"},
    {.name = NULL},
};

static void print_usage(FILE *to)
{
    fputs("Usage: cmpctl COMMAND [OPTION]…\n\n"
          "The tool of those who run a Code Management Platform, or connect one to another.\n\n"
          "Commands:\n",
          to);
    subcommand_print_all(commands, to);
    fputs(
        "\n\"cmpctl COMMAND --help\" tells more. Exit status: 0 done or valid, 1 not valid or an\n"
        "error answer, 2 the question could not be asked.\n",
        to);
}

/* What nobody could read is not done, whatever the command says. Whoever could do nothing has said
 * so, and why. */
static int with_output(int status)
{
    if (status == EXIT_CANNOT) {
        return status;
    }
    const int written = output_end();
    return status == EXIT_GOOD ? written : status;
}

/* The seed is for tables of ICIs and names, which others may have chosen. A file that grows too
 * large is an error of its write, told as such, with nothing left behind. */
int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN);
    if (!descriptors_open_standard()) {
        return EXIT_CANNOT; /* there is nobody to tell */
    }
    hash_seed_init();
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_CANNOT;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return with_output(EXIT_GOOD);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("cmpctl " CMPD_VERSION);
        return with_output(EXIT_GOOD);
    }
    const subcommand *command = subcommand_find(commands, NULL, argv[1]);
    if (command == NULL) {
        return EXIT_CANNOT;
    }
    running_thread_begin("cmpctl", NULL);
    last_words_start(); /* stores are plugins in here, too */
    const int status = with_output(command->run(argc - 1, argv + 1));
    last_words_stop();
    return status;
}
