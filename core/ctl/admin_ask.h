/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the running daemon over its admin socket. */
#pragma once

#include "ctl/args.h"

#include <cmp-kit/arena.h>
#include <jansson.h>

/* Rows of a command whose options have the members `config` and `socket`; and `json`. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type's name cannot stand in them */
#define ADMIN_WHERE_ROWS(struct_)                                                                  \
    ARGS_ROW("config", TEXT, struct_, config, "FILE",                                              \
             "the daemon's configuration, which names its admin socket"),                          \
        ARGS_ROW("socket", TEXT, struct_, socket, "PATH", "or the admin socket itself")
#define ADMIN_JSON_ROW(struct_)                                                                    \
    ARGS_ROW("json", FLAG, struct_, json, NULL, "print the daemon's own answer")
/* NOLINTEND(bugprone-macro-parentheses) */

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

/* Prints the words, and on how many workers what they say is so. */
void admin_print_workers(const char *words, const json_t *answer);
