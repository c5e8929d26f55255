/* SPDX-License-Identifier: Apache-2.0 */
/* The running daemon: threads, signals, start and stop. */
#pragma once

/* Starts from the file and serves until SIGTERM or SIGINT. Returns the exit status. */
int daemon_run(const char *path, const char *const *plugin_folders);

/* Checks all that a start would check, and prints what is wrong. Returns the exit status. */
int daemon_check(const char *path, const char *const *plugin_folders);
