/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of `cmpctl codes`. argv[0] is the subcommand's name. */
#pragma once

int codes_import_run(int argc, char **argv); /* codes_import.c */
int codes_export_run(int argc, char **argv); /* codes_export.c */
int codes_copy_run(int argc, char **argv);   /* codes_copy.c */
int codes_list_run(int argc, char **argv);   /* codes_list.c */
int codes_get_run(int argc, char **argv);    /* codes_get.c */
int codes_put_run(int argc, char **argv);    /* codes_change.c */
int codes_remove_run(int argc, char **argv); /* codes_change.c */
