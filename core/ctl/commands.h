/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of cmpctl: one file each, one row each in main.c. */
#pragma once

/* argv[0] is the command's name. They return the exit status (ctl/output.h). */
int sign_run(int argc, char **argv);
int verify_run(int argc, char **argv);
int why_run(int argc, char **argv);
int log_level_run(int argc, char **argv);
int metrics_run(int argc, char **argv);
int resolve_run(int argc, char **argv);
int explain_run(int argc, char **argv);
int status_run(int argc, char **argv);
int stats_run(int argc, char **argv);
int peers_run(int argc, char **argv);
int reload_run(int argc, char **argv);
int plugins_run(int argc, char **argv);
int drain_run(int argc, char **argv);
int undrain_run(int argc, char **argv);
int new_plugin_run(int argc, char **argv);
int keys_run(int argc, char **argv);
int journal_run(int argc, char **argv);
int restart_run(int argc, char **argv);
int plugin_run(int argc, char **argv);
int codes_run(int argc, char **argv);
