/* SPDX-License-Identifier: Apache-2.0 */
/* Small numbers for names that things are counted by: peers, keys. A name keeps its number for the
 * life of the process, through reloads; there is a bound on how many there can be. */
#pragma once

#include <cmp/base.h>

#define LABELS_MAX 4096 /* numbers, the two below included */

enum {
    LABEL_NONE = 0,  /* no name */
    LABEL_OTHER = 1, /* of those for which there was no room */
};

/* The number of a name, which is made when there is none. Any thread; takes a lock. */
unsigned label_make(cmp_str name);

/* The number of a name that was made before; LABEL_OTHER when it was not. Any thread; no lock. */
unsigned label_find(cmp_str name);

/* The same for a name that only two words make: the id of a key, and whose it is. */
unsigned label_make_pair(cmp_str of, cmp_str name);
unsigned label_find_pair(cmp_str of, cmp_str name);

/* The name, which lives as long as the process: "" and "other" for the two. Any thread. */
const char *label_name(unsigned label);
