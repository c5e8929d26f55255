/* A code record as a run of octets: what the index keeps of each code.
 *
 * The head is a few octets, so that a plain code costs little more than its ICI and its content:
 *
 *     flags, ICI size - 1, content size, [ttl], [not_before], [not_after], [type size],
 *     [variants size], ICI, content, [type], [variants]
 *
 * Sizes and the ttl are variable-length numbers of 7 bits an octet, times have 8 octets. */
#pragma once

#include <cmp/record.h>

/* Octets that the packed record takes: always fewer than its JSON text. `ici` has 1 to 256 octets,
 * content types have at most 255 (cmp_host.record_parse sees to it). */
size_t packed_size(cmp_str ici, const cmp_record *record);

/* Writes just that many octets. */
void packed_write(cmp_str ici, const cmp_record *record, uint8_t *to);

/* A packed record, seen in place: strings point into the packed octets. */
typedef struct packed {
    cmp_str ici;
    cmp_record record; /* without its variants: packed_variants adds them */
    const uint8_t *variants;
    const uint8_t *end; /* where the next packed record begins */
} packed;

/* Reads what packed_write wrote. */
void packed_read(const uint8_t *from, packed *p);

/* Octets that the arrays of the record's variants take; 0: it has none. */
size_t packed_variants_size(const packed *p);

/* Fills p->record's variants; `memory` has packed_variants_size octets, aligned for any type. */
void packed_variants(packed *p, void *memory);
