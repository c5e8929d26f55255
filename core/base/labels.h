/* SPDX-License-Identifier: Apache-2.0 */
/* Small numbers for names that things are counted by: peers, keys. There is a bound on how many
 * there can be: a name keeps its number, through reloads, until nobody holds it any more and all
 * numbers are taken; then it may be another one's. */
#pragma once

#include <cmp/base.h>

#define LABELS_MAX 16384 /* numbers, the two below included */

enum {
    LABEL_NONE = 0,  /* no name */
    LABEL_OTHER = 1, /* of those for which there was no room */
};

/* The number of a name, which is made when there is none: held until label_drop. LABEL_OTHER when
 * all are held. Any thread; takes a lock. */
unsigned label_make(cmp_str name);

/* Holds it no longer. Any thread; takes a lock. */
void label_drop(unsigned label);

/* `forget` is called for a number that gets another name, before anybody has it by that: what was
 * counted by it begins anew. Once, at the start. */
void labels_on_reuse(void (*forget)(unsigned label));

/* The number of a name that was made before; LABEL_OTHER when it was not. Any thread; no lock. */
unsigned label_find(cmp_str name);

/* The same for a name that only two words make: the id of a key, and whose it is. */
unsigned label_make_pair(cmp_str of, cmp_str name);
unsigned label_find_pair(cmp_str of, cmp_str name);

/* The name, which lives as long as the process: "" and "other" for the two. Any thread. */
const char *label_name(unsigned label);
