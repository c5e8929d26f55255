/* SPDX-License-Identifier: Apache-2.0 */
/* Routing prefixes, searched for the longest one that heads an ICI. What a search costs hardly
 * depends on how many there are. */
#pragma once

#include <cmp-kit/digits.h>

__BEGIN_DECLS

/* One prefix, and what is found by it. */
typedef struct kit_prefix {
    kit_digits digits;
    uint32_t value; /* not KIT_PREFIX_NONE */
    uint32_t order; /* among those of the same digits the lowest comes first */
} kit_prefix;

/* What an index is built from; one of zeros is empty. */
typedef struct kit_prefix_list {
    kit_prefix *at;
    size_t count, room;
} kit_prefix_list;

/* Frees what kit_prefixes_add has allocated, and leaves *l empty. */
void kit_prefixes_add(kit_prefix_list *l, const kit_prefix *added);
void kit_prefixes_free(kit_prefix_list *l);

/* Reads a routing prefix: all of the text is digits, as many as SPEC 1 allows. False when it is
 * none. */
bool kit_prefix_read(cmp_str text, kit_digits *digits);

/* Immutable once built, so any thread may search. */
typedef struct kit_prefixes kit_prefixes;

/* Two prefixes of the same digits, in their order. */
typedef struct kit_prefix_twins {
    kit_prefix first, second;
} kit_prefix_twins;

/* Sorts the list, which stays the caller's, and builds the index from it. NULL when there are
 * twins, of which *twins are the first; when `twins` is NULL only the first of each counts. The
 * caller's, to be ended with kit_prefixes_destroy. */
kit_prefixes *kit_prefixes_build(kit_prefix_list *l, kit_prefix_twins *twins);

/* Frees *p, and nulls it; NULL is fine. */
void kit_prefixes_destroy(kit_prefixes **p);

#define KIT_PREFIX_NONE UINT32_MAX

/* The value of the longest prefix that heads the ICI, without regard to case; *matched is the
 * prefix's length. KIT_PREFIX_NONE and 0 when there is none. */
uint32_t kit_prefixes_find(const kit_prefixes *p, cmp_str ici, unsigned *matched);

size_t kit_prefixes_count(const kit_prefixes *p);

__END_DECLS
