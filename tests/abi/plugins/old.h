/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugins have in common that are built against every set of headers that was ever the
 * ABI's. They use what ABI 2.0 has, and must never need more. */
#pragma once

#include <cmp/plugin.h>

#include <stdlib.h>

static inline void *old_alloc(size_t count, size_t size)
{
    void *at = calloc(count, size);
    if (at == NULL) {
        abort();
    }
    return at;
}

typedef struct old_variant {
    const char *cc;
    const char *content;
} old_variant;

CMP_OPTIONS(old_variant_rows, old_variant) = {
    CMP_ROW("cc", STRING, old_variant, cc, "for whom", CMP_REQUIRED),
    CMP_ROW("content", STRING, old_variant, content, "what they get", CMP_REQUIRED),
    CMP_OPTION_END,
};

/* A record whose arrays are exactly as long as this minor says; old_record_free frees them. */
static inline cmp_record old_record(const char *content, const cmp_rows *rows)
{
    const old_variant *from = rows->at;
    cmp_variant *variants = old_alloc(rows->count + 1, sizeof(*variants));
    for (size_t i = 0; i < rows->count; i++) {
        cmp_condition *condition = old_alloc(1, sizeof(*condition));
        *condition = (cmp_condition){CMP_STR("cc"), cmp_str_from(from[i].cc)};
        variants[i] = (cmp_variant){.content = cmp_str_from(from[i].content),
                                    .conditions = condition,
                                    .condition_count = 1};
    }
    cmp_record record = CMP_RECORD_INIT;
    record.content = cmp_str_from(content);
    record.variants = variants;
    record.variant_count = rows->count;
    return record;
}

static inline void old_record_free(const cmp_record *record)
{
    for (size_t i = 0; i < record->variant_count; i++) {
        free((void *)(uintptr_t)record->variants[i].conditions);
    }
    free((void *)(uintptr_t)record->variants);
}
