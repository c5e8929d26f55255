/* SPDX-License-Identifier: Apache-2.0 */
/* The ICIs that a store holds, and which of them were seen since. */
#pragma once

#include <cmp/base.h>

typedef struct ici_set ici_set;

ici_set *ici_set_create(void);
void ici_set_destroy(ici_set **s); /* NULL is fine */

/* Takes a copy of an ICI, unless it is there. */
void ici_set_add(ici_set *s, cmp_str ici);

/* Marks an ICI; fine when it is not there. */
void ici_set_mark(ici_set *s, cmp_str ici);

/* Visits those that are not marked, until `visit` returns false; then it returns false, too. */
bool ici_set_each_unmarked(const ici_set *s, bool (*visit)(cmp_str ici, void *arg), void *arg);
