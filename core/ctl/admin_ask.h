/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the running daemon over its admin socket. */
#pragma once

#include <cmp-kit/arena.h>
#include <cmp/base.h>
#include <jansson.h>
#include <stdbool.h>

/* GETs `path` (with its query) from the daemon: `config` is the file that names the admin socket,
 * `socket` is that socket itself; the one that was not given is NULL. Returns the JSON object that
 * was answered, which is the caller's; NULL after a message. */
json_t *admin_ask(const char *config, const char *socket, const char *path);

/* The same of the socket itself, within a time, and without a message: why there is no answer is
 * put into `failure`. */
#define ADMIN_FAILURE_SIZE 1024
json_t *admin_look(const char *socket, const char *path, long timeout_s, char *failure,
                   size_t size);

/* The socket that was named, one way or the other, in `memory` or the caller's; NULL after a
 * message. */
const char *admin_socket_of(const char *config, const char *socket, kit_arena *memory);

/* GETs a text that no program reads; `accept` names its type. Prints it to stdout. Returns the exit
 * status. */
CMP_MUST_USE int admin_show(const char *config, const char *socket, const char *path,
                            const char *accept);

/* How a command went. */
typedef enum admin_outcome {
    ADMIN_DONE,    /* the answer is the caller's */
    ADMIN_REFUSED, /* the daemon has said why not, and it was printed */
    ADMIN_ABSENT,  /* no daemon listens there; nothing was printed, for that may be good */
    ADMIN_UNKNOWN, /* not to be asked, or no answer in time; after a message */
} admin_outcome;

/* POSTs to `path` (with its query) on that socket, with `body`, whose reference is taken, or NULL,
 * and waits for so long at most. An error's places are printed as `cmpd -t` does: file:line:column:
 * key: text. *answer is NULL unless ADMIN_DONE. */
CMP_MUST_USE admin_outcome admin_post(const char *socket, const char *path, json_t *body,
                                      long timeout_s, json_t **answer);

/* For commands that need a daemon: the socket as for admin_ask. Prints when there is none. Returns
 * the exit status, and with EXIT_GOOD the answer. */
CMP_MUST_USE int admin_command_ask(const char *config, const char *socket, const char *path,
                                   json_t *body, long timeout_s, json_t **answer);
