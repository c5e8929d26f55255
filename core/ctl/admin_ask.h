/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the running daemon over its admin socket. */
#pragma once

#include <jansson.h>

/* GETs `path` (with its query) from the daemon: `config` is the file that names the admin socket,
 * `socket` is that socket itself; the one that was not given is NULL. Returns the JSON object that
 * was answered, which is the caller's; NULL after a message. */
json_t *admin_ask(const char *config, const char *socket, const char *path);
