/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a code record: read or refused with a message; what was read survives packing and
 * can be judged for a request. */
#include "mc/record.h"

#include "packing.h"

#include "mc/variant.h"

#include <cmp-kit/arena.h>

#include <stdlib.h>

#define MUST(holds)                                                                                \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *from_arena(void *arg, size_t size)
{
    return kit_arena_alloc(arg, size);
}

/* The room that a loader has for the record is its JSON's. */
static void pack(cmp_str ici, const cmp_record *record, size_t json_size, kit_arena *a)
{
    const size_t size = packed_size(ici, record);
    MUST(size < json_size);
    uint8_t *octets = malloc(size);
    MUST(octets != NULL);
    packed_write(ici, record, octets);
    cmp_record back;
    const uint8_t *variants = packed_read(octets, &back);
    MUST(packed_end(octets) == octets + size);
    MUST(packed_is(octets, ici) && cmp_str_equal(packed_ici(octets), ici));
    MUST(cmp_str_equal(back.content, record->content));
    MUST(cmp_str_equal(back.transferred_to, record->transferred_to));
    MUST((variants != NULL) == (record->variant_count > 0));
    if (variants != NULL) {
        packed_variants(variants, kit_arena_alloc(a, packed_variants_size(variants)), &back);
    }
    MUST(back.variant_count == record->variant_count);
    MUST(packed_size(ici, &back) == size);
    free(octets);
}

static void judge(const cmp_record *record)
{
    const message requests[] = {
        {.count = 0},
        {.params = {[CMP_PARAM_LANGUAGE] = CMP_STR("fr"),
                    [CMP_PARAM_CC] = CMP_STR("CA"),
                    [CMP_PARAM_POST] = CMP_STR("K1A 0B1"),
                    [CMP_PARAM_AGE] = CMP_STR("18-30"),
                    [CMP_PARAM_INCOME] = CMP_STR("<30,000"),
                    [CMP_PARAM_GENDER] = CMP_STR("female")}},
    };
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const cmp_variant *chosen = variant_choose(record, &requests[i], 1700000000000);
        MUST(record_content_type(record, chosen).size > 0);
    }
    (void)record_state_at(record, 1700000000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    cmp_str ici;
    cmp_record record;
    char error[128] = "";
    if (record_parse((const char *)data, size, from_arena, &a, &ici, &record, error,
                     sizeof(error))) {
        pack(ici, &record, size, &a);
        judge(&record);
    } else {
        MUST(error[0] != '\0' && memchr(error, '\0', sizeof(error)) != NULL);
    }
    kit_arena_reset(&a);
    return 0;
}
