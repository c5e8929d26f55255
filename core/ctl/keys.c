/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl keys`: the table of its subcommands. */
#include "ctl/keys.h"

#include "ctl/commands.h"
#include "ctl/subcommand.h"

#include <stddef.h>

static const subcommand subcommands[] = {
    {"issue", keys_issue_run, "make a key for a peer that will sign to us"},
    {"import", keys_import_run, "take in a key that a peer has issued to us"},
    {"token", keys_token_run, "make a token for a reader or writer of our code records"},
    {"list", keys_list_run, "show all keys and whether they are valid; never secrets"},
    {"revoke", keys_revoke_run, "end a key's validity"},
    {.name = NULL},
};

static const subcommand_group group = {
    .name = "keys",
    .before = "Keeps the keyring: the file with the keys that we issued to peers (they sign, we\n"
              "verify), those that we received from peers (we sign, they verify), and tokens of\n"
              "the interface codes.",
    .after = "With --config, what changes the keyring waits until the running cmpd has taken it, "
             "on all\n"
             "of its workers, and says so, or why not. Otherwise cmpd takes the file by itself "
             "within a\n"
             "second, and its log says so, or what is wrong; while that is, the old keys count.",
    .at = subcommands,
};

int keys_run(int argc, char **argv)
{
    return subcommand_run(&group, argc, argv);
}
