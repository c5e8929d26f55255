/* SPDX-License-Identifier: Apache-2.0 */
/* What all subcommands have in common that change a keyring: which file it is, and the daemon that
 * uses it. */
#pragma once

#include "ctl/args.h"

typedef struct conf conf;
typedef struct peers peers;

/* A member of the command's options, zeroed. */
typedef struct keys_place {
    const char *keys, *config, *socket; /* as given; keys is set once it was found */
    bool no_wait;
    conf *conf;   /* NULL: none was given, and nothing is known of the daemon */
    peers *peers; /* of the configuration */
} keys_place;

/* NOLINTBEGIN(bugprone-macro-parentheses): a field's name cannot stand in them */
#define KEYS_PLACE_ROWS(struct_, place, help_)                                                     \
    ARGS_ROW("keys", TEXT, struct_, place.keys, "FILE", help_),                                    \
        ARGS_ROW("config", TEXT, struct_, place.config, "FILE",                                    \
                 "or the daemon's configuration, which names it, and where to tell the daemon"),   \
        ARGS_ROW("socket", TEXT, struct_, place.socket, "PATH", "the daemon's admin socket"),      \
        ARGS_ROW("no-wait", FLAG, struct_, place.no_wait, NULL,                                    \
                 "do not wait until the daemon has taken the change")
/* NOLINTEND(bugprone-macro-parentheses) */

/* Finds the keyring and the socket. False after a message. Dispose of it in any case. */
CMP_MUST_USE bool keys_place_find(keys_place *p);

/* Whether a key of that peer would be taken by the daemon, as far as its configuration is known.
 * False after a message. */
CMP_MUST_USE bool keys_place_has_peer(const keys_place *p, const char *name);

/* After a secret was printed that is shown but once, and kept under that id: EXIT_GOOD when it is
 * out. Otherwise nobody has it, and nobody ever will: EXIT_BAD after a message. */
CMP_MUST_USE int keys_place_shown(const keys_place *p, const char *id);

/* After the file was changed: has the daemon take it, and says where it is in force, or why not.
 * Returns the exit status; good as well when no daemon runs, and when nobody said where to ask. */
CMP_MUST_USE int keys_place_tell(const keys_place *p);

void keys_place_dispose(keys_place *p);
