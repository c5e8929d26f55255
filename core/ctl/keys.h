/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of `cmpctl keys`. argv[0] is the subcommand's name. */
#pragma once

int keys_issue_run(int argc, char **argv);  /* keys_add.c */
int keys_import_run(int argc, char **argv); /* keys_add.c */
int keys_token_run(int argc, char **argv);  /* keys_token.c */
int keys_list_run(int argc, char **argv);   /* keys_list.c */
int keys_revoke_run(int argc, char **argv); /* keys_revoke.c */
