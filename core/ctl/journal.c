/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl journal`: the table of its subcommands. */
#include "ctl/journal.h"

#include "ctl/commands.h"
#include "ctl/subcommand.h"

#include <stddef.h>

static const subcommand subcommands[] = {
    {"show", journal_show_run, "show records"},
    {"follow", journal_follow_run, "show records as they are written"},
    {"export", journal_export_run, "write records to a file, for a peer or for programs"},
    {"stats", journal_stats_run, "count records, by what they have in common"},
    {"reconcile", journal_reconcile_run, "compare our export with a peer's, by tid"},
    {"erase", journal_erase_run, "remove the pseudonyms of a user"},
    {.name = NULL},
};

static const subcommand_group group = {
    .name = "journal",
    .before =
        "Reads the journal that cmpd keeps of all transactions (journal: in its configuration):\n"
        "who asked, what became of it, where it went and under which tid. None of this needs\n"
        "a running cmpd.",
    .after = "\"cmpctl why TID\" tells of one transaction in words.",
    .at = subcommands,
};

int journal_run(int argc, char **argv)
{
    return subcommand_run(&group, argc, argv);
}
