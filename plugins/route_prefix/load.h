/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the routing table from the peers' entries and the table file. */
#pragma once

#include <cmp-kit/file.h>
#include <cmp-kit/peers.h>
#include <cmp-kit/prefixes.h>

/* Where every prefix leads. Immutable, so any thread may search. */
typedef struct table {
    kit_prefixes *prefixes; /* of indices of peers */
    kit_peers peers;
    size_t lines; /* of the file, that have a prefix */
    char *text;   /* the file; NULL: there is none */
    size_t text_size;
} table;

/* All or nothing. `f` is the table file, open, or none. With `need_hosts` every peer that a prefix
 * leads to must have a host. NULL after f->error was filled in. Any thread. */
table *table_load(kit_file *f, const cmp_host *host, bool need_hosts);

/* The same file with the peers as they are now, those of them that are left. Never NULL, with peers
 * that a file could be loaded with. */
table *table_renew(const table *from, const cmp_host *host, bool need_hosts);

/* NULL is fine. */
void table_destroy(table **t);
