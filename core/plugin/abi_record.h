/* SPDX-License-Identifier: Apache-2.0 */
/* Records that cross the border to plugins of an older minor: their variants are arrays, whose
 * members lie as far apart as the plugin was compiled to think. */
#pragma once

#include "plugin/abi.h"

#include <cmp-kit/arena.h>

/* A record of theirs in our layout. What theirs does not have is as in CMP_RECORD_INIT; texts and
 * conditions stay theirs, variants are copied to `memory`. */
void abi_record_read(const abi_layout *theirs, const cmp_record *from, kit_arena *memory,
                     cmp_record *to);

/* The same for one that was filled by them and lies in a struct of ours. */
void abi_record_adopt(const abi_layout *theirs, kit_arena *memory, cmp_record *record);

/* The variants of a record of ours that they are to read. */
void abi_record_show(const abi_layout *theirs, kit_arena *memory, cmp_record *record);

/* Writes a record of ours to theirs. Its variants, which are nobody else's and are not read by us
 * any more, are moved together where they lie. */
void abi_record_write(const abi_layout *theirs, cmp_record *record, cmp_record *to);
