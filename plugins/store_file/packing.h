/* SPDX-License-Identifier: Apache-2.0 */
/* A code record as a run of octets: what the index keeps of each code.
 *
 * A plain code costs little more than its ICI and its content, and is read without a branch that
 * is not the same for nearly all codes. What others have besides comes last:
 *
 *     ICI size - 1, ICI, flags, content size, content,
 *     [ttl], [not_before], [not_after], [type size, type], [variants size, variants]
 *
 * Sizes and the ttl are variable-length numbers of 7 bits an octet, times have 8 octets. */
#pragma once

#include <cmp/record.h>

/* Octets that the packed record takes: always fewer than its JSON text. `ici` has 1 to 256 octets,
 * content types have at most 255 (cmp_host.record_parse sees to it). */
size_t packed_size(cmp_str ici, const cmp_record *record);

/* Writes just that many octets. */
void packed_write(cmp_str ici, const cmp_record *record, uint8_t *to);

/* What is read of a packed record points into its octets. */

/* Whether it is the record of `ici`. */
static inline bool packed_is(const uint8_t *packed, cmp_str ici)
{
    return (size_t)*packed + 1 == ici.size && memcmp(packed + 1, ici.at, ici.size) == 0;
}

cmp_str packed_ici(const uint8_t *packed);

/* Where the next packed record begins. */
const uint8_t *packed_end(const uint8_t *packed);

/* Reads the record, but not its variants: returns where those are for packed_variants, or NULL when
 * it has none. */
const uint8_t *packed_read(const uint8_t *packed, cmp_record *record);

/* Octets that the arrays of the variants take. */
size_t packed_variants_size(const uint8_t *variants);

/* Fills the record's variants; `memory` has packed_variants_size octets, aligned for any type. */
void packed_variants(const uint8_t *variants, void *memory, cmp_record *record);
