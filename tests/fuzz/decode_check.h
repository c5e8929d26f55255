/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold for every input of the two decoders. */
#pragma once

#include "mc/decode.h"

#include <cmp-kit/text.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static inline void fault_check(const fault *f)
{
    must(f->code != ERROR_NONE && error_info_of(f->code)->status == 400);
    must(f->parameter.at == NULL || (f->parameter.size > 0 && kit_ascii_visible(f->parameter)));
}

static inline void message_check(message *m)
{
    size_t contextual_size = 0;
    must(m->contextual_count <= CONTEXTUAL_MAX);
    for (size_t i = 0; i < m->contextual_count; i++) {
        const cmp_pair *pair = &m->contextual[i];
        must(param_find(pair->name) == CMP_PARAM_MAX && kit_utf8_valid(pair->value));
        contextual_size += pair->name.size + pair->value.size;
    }
    must(contextual_size == m->contextual_size && contextual_size <= CONTEXTUAL_SIZE_MAX);
    fault f = {.code = ERROR_NONE};
    if (!message_validate(m, &f)) {
        fault_check(&f);
        return;
    }
    must(message_identified(m, &f) && m->count >= 0 && m->count <= 99);
    must(kit_ascii_visible(m->params[CMP_PARAM_TID]) &&
         kit_ascii_visible(m->params[CMP_PARAM_ICI]));
    must(kit_utf8_valid(m->params[CMP_PARAM_USER]));
}

static inline void decode_check(bool (*decode)(cmp_str text, kit_arena *a, message *m, fault *f),
                                cmp_str text)
{
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    message m = {0};
    fault f = {.code = ERROR_NONE};
    if (decode(text, &memory, &m, &f)) {
        message_check(&m);
    } else {
        fault_check(&f);
    }
    kit_arena_reset(&memory);
}
