/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl codes`: the table of its subcommands. */
#include "ctl/codes.h"

#include "ctl/commands.h"
#include "ctl/subcommand.h"

#include <stddef.h>

static const subcommand subcommands[] = {
    {"import", codes_import_run, "take the records of a file into a store"},
    {"export", codes_export_run, "write all records of a store to a file"},
    {"copy", codes_copy_run, "take all records of one store into another"},
    {"list", codes_list_run, "print the ICIs that a store holds"},
    {"get", codes_get_run, "print the record of one ICI"},
    {"put", codes_put_run, "add or replace one record"},
    {"remove", codes_remove_run, "remove the records of some ICIs"},
    {.name = NULL},
};

static const subcommand_group group = {
    .name = "codes",
    .before =
        "Reads and writes the code records of the stores that a configuration names, whether\n"
        "cmpd runs or not. Files hold one JSON object a line.",
    .at = subcommands,
};

int codes_run(int argc, char **argv)
{
    return subcommand_run(&group, argc, argv);
}
