/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted list: those of one configuration are made once and searched by every request. */
#include "base/text_set.h"

#include <stdlib.h>

/* By size first, as nobody sees the order: most comparisons end there. */
static int order_of(const void *a, const void *b)
{
    const cmp_str *x = a, *y = b;
    if (x->size != y->size) {
        return x->size < y->size ? -1 : 1;
    }
    return memcmp(x->at, y->at, x->size);
}

text_set text_set_make(const cmp_strings *texts, kit_arena *memory)
{
    text_set s = {.count = texts->count};
    s.sorted = kit_arena_calloc(memory, s.count, sizeof(*s.sorted));
    for (size_t i = 0; i < s.count; i++) {
        s.sorted[i] = cmp_str_from(texts->at[i]);
        s.all = s.all || cmp_str_equal(s.sorted[i], CMP_STR("*"));
    }
    if (s.count > 0) {
        qsort(s.sorted, s.count, sizeof(*s.sorted), order_of);
    }
    return s;
}

bool text_set_has(const text_set *s, cmp_str text)
{
    return s->all || (s->count > 0 &&
                      bsearch(&text, s->sorted, s->count, sizeof(*s->sorted), order_of) != NULL);
}
