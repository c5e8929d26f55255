/* SPDX-License-Identifier: Apache-2.0 */
/* See abi_record.h. */
#include "plugin/abi_record.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Members of one size to members of another. The arrays may be one, when the members shrink. */
static void copy_members(size_t count, const void *from, size_t from_size, void *to, size_t to_size)
{
    for (size_t i = 0; i < count; i++) {
        memmove((char *)to + i * to_size, (const char *)from + i * from_size,
                smaller(from_size, to_size));
    }
}

static void copy_variants(kit_arena *memory, cmp_record *record, size_t from_size, size_t to_size)
{
    if (record->variant_count > 0) {
        void *made = kit_arena_calloc(memory, record->variant_count, to_size);
        copy_members(record->variant_count, record->variants, from_size, made, to_size);
        record->variants = made;
    }
}

/* What cannot be an array is left as it is, for the check of all records that comes behind this. */
void abi_record_adopt(const abi_layout *theirs, kit_arena *memory, cmp_record *record)
{
    if (record->variants != NULL && record->variant_count <= CMP_VARIANTS_MAX) {
        copy_variants(memory, record, theirs->size[ABI_cmp_variant], sizeof(cmp_variant));
    }
}

/* Zeros would not do here: they are a time, and a ttl. */
void abi_record_read(const abi_layout *theirs, const cmp_record *from, kit_arena *memory,
                     cmp_record *to)
{
    *to = CMP_RECORD_INIT;
    memcpy(to, from, theirs->size[ABI_cmp_record]);
    abi_record_adopt(theirs, memory, to);
}

void abi_record_show(const abi_layout *theirs, kit_arena *memory, cmp_record *record)
{
    copy_variants(memory, record, sizeof(cmp_variant), theirs->size[ABI_cmp_variant]);
}

void abi_record_write(const abi_layout *theirs, cmp_record *record, cmp_record *to)
{
    copy_members(record->variant_count, record->variants, sizeof(cmp_variant),
                 (void *)(uintptr_t)record->variants, theirs->size[ABI_cmp_variant]);
    memcpy(to, record, theirs->size[ABI_cmp_record]);
}
