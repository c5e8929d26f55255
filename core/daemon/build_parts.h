/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that build a generation know of each other: build.c, build_listener.c,
 * build_way.c. */
#pragma once

#include "daemon/build_site.h"
#include "pipeline/generation.h"

/* A generation that is being built. */
typedef struct builder {
    const build_site *site;
    generation *g;
    generation *before; /* the newest in force, from which is carried over; NULL: none is */
    cmp_report *report;
} builder;

/* Adds an error about a key path of the configuration. */
void build_report(builder *b, const char *key, const char *format, ...) CMP_PRINTF(3, 4);

/* Otherwise it was reported: there is none, or it could not be opened before it had chosen what
 * serves it. */
bool build_has_functions(const instance *i);

/* Those of that kind; `key` is the path of the list. Names that are not configured were reported
 * by conf_load. */
chain build_chain(builder *b, const cmp_strings *names, cmp_plugin_kind kind, const char *key);

/* Fills in the listener at that place of the configuration. */
void build_listener(builder *b, size_t at);

/* Fills in the way to the peer at that place. */
void build_way(builder *b, size_t at);

/* The name of the first peer that sees no users, or NULL. */
const char *build_peer_without_users(const conf *c);
