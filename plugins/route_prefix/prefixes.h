/* All routing prefixes, for look-ups of the longest one that heads an ICI. Immutable once built, so
 * any thread may search. */
#pragma once

#include "digits.h"

#include <cmp-kit/peers.h>

/* One prefix and where it leads. */
typedef struct rule {
    digits prefix;
    uint32_t hop;
    uint32_t line; /* of the table file, from 1; 0: the peer's own entry */
} rule;

typedef struct rules {
    rule *at;
    size_t count, room;
} rules;

void rules_add(rules *r, const rule *added);
void rules_free(rules *r);

typedef struct prefixes prefixes;

/* Two rules for one prefix, the one with the lower line first. */
typedef struct rule_twins {
    rule first, second;
} rule_twins;

/* Sorts `r` and builds the prefixes from it; takes the kit_peers over, and leaves *h empty. NULL
 * when there are twins: *h stays the caller's. */
prefixes *prefixes_build(rules *r, kit_peers *h, rule_twins *twins);

/* NULL is fine. */
void prefixes_destroy(prefixes **p);

/* The index of the peer of the longest prefix that heads the ICI, without regard to case; *matched
 * is the prefix's length. KIT_PEER_NONE when there is none. */
uint32_t prefixes_find(const prefixes *p, cmp_str ici, unsigned *matched);

/* The peers that the indices are of; they live as long as the prefixes. */
const kit_peers *prefixes_peers(const prefixes *p);

size_t prefixes_count(const prefixes *p);
