/* SPDX-License-Identifier: Apache-2.0 */
/* The stores of a configuration, as cmpctl opens them: like cmpd does, but without workers. */
#pragma once

#include "ctl/args.h"
#include "plugin/instance.h"

#include <cmp-kit/arena.h>

/* Rows of a command about one store, whose options have the members `config` and `store`; and of
 * one that takes some of its codes, with `prefix`. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type's name cannot stand in them */
#define STORES_CONFIG_ROW(struct_)                                                                 \
    ARGS_NEEDED("config", struct_, config, "FILE", "the daemon's configuration")
#define STORES_WHERE_ROWS(struct_)                                                                 \
    STORES_CONFIG_ROW(struct_), ARGS_NEEDED("store", struct_, store, "NAME", "as under plugins")
#define STORES_PREFIX_ROW(struct_)                                                                 \
    ARGS_ROW("prefix", TEXT, struct_, prefix, "PREFIX",                                            \
             "only ICIs that begin with it, octet by octet")
/* NOLINTEND(bugprone-macro-parentheses) */

typedef struct stores stores;

/* What a command wants to do with a store. */
enum {
    STORES_SCAN = 1 << 0,
    STORES_WRITE = 1 << 1,
    STORES_LOOKUP = 1 << 2,
};

/* Reads the configuration. NULL after messages. */
stores *stores_open(const char *config);

/* Whether there is a store of that name whose plugin can do that. False after a message. */
CMP_MUST_USE bool stores_can(stores *s, const char *name, unsigned wants);

/* Makes the store; valid until stores_close. NULL after messages. */
instance *stores_take(stores *s, const char *name, unsigned wants);

/* Looks an ICI up in a store that was taken with STORES_LOOKUP; see store_call_lookup. */
CMP_MUST_USE cmp_store_verdict stores_lookup(stores *s, cmp_str ici, kit_arena *memory,
                                             cmp_str *json);

/* What is said of one that a store does not have: with the store's name, and the ICI. */
#define STORES_UNKNOWN "store %s does not know %s"

/* Whether the longest prefix that heads the ICI is one of ours, so that others ask for it here;
 * also when the configuration names no prefix of ours. */
bool stores_ours(const stores *s, cmp_str ici);

/* What is said of one that is not. */
#define STORES_ELSEWHERE                                                                           \
    "under no prefix of ours (cmp.prefixes): other CMPs will hardly ask for it here"

/* NULL is fine. */
void stores_close(stores **s);
