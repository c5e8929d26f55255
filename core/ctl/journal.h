/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of `cmpctl journal`. argv[0] is the subcommand's name. */
#pragma once

int journal_show_run(int argc, char **argv);      /* journal_show.c */
int journal_follow_run(int argc, char **argv);    /* journal_show.c */
int journal_export_run(int argc, char **argv);    /* journal_show.c */
int journal_erase_run(int argc, char **argv);     /* journal_erase.c */
int journal_reconcile_run(int argc, char **argv); /* reconcile.c */
int journal_stats_run(int argc, char **argv);     /* journal_stats.c */
