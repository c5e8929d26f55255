/* SPDX-License-Identifier: Apache-2.0 */
/* ICIs one after the other in one run of memory, and a hash table of where they begin: some 40
 * octets for each, so that a store of ten million codes still fits. */
#include "ctl/ici_set.h"

#include "base/hash.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

enum { HEAD = 1 + sizeof(uint32_t) }; /* an ICI's mark and its size lie before it */

struct ici_set {
    uint8_t *octets;
    size_t used, room;
    size_t *slots; /* offset + 1; 0: free */
    size_t slot_count, count;
};

/* By memcpy, since what lies one after the other is not aligned. */
static cmp_str ici_at(const ici_set *s, size_t offset)
{
    uint32_t size;
    memcpy(&size, s->octets + offset + 1, sizeof(size));
    return (cmp_str){(const char *)s->octets + offset + HEAD, size};
}

/* The slot of `ici`, or the free one where it would go. */
static size_t *slot_of(const ici_set *s, cmp_str ici)
{
    size_t at = hash_str(ici) & (s->slot_count - 1);
    while (s->slots[at] != 0 && !cmp_str_equal(ici_at(s, s->slots[at] - 1), ici)) {
        at = (at + 1) & (s->slot_count - 1);
    }
    return &s->slots[at];
}

/* The ICIs stay where they are; slots are offsets, so the run itself may move when it grows. */
static void grow_table(ici_set *s)
{
    free(s->slots);
    s->slot_count *= 2;
    s->slots = kit_calloc(s->slot_count, sizeof(*s->slots));
    for (size_t offset = 0; offset < s->used;) {
        const cmp_str ici = ici_at(s, offset);
        *slot_of(s, ici) = offset + 1;
        offset += HEAD + ici.size;
    }
}

ici_set *ici_set_create(void)
{
    ici_set *s = kit_calloc(1, sizeof(*s));
    s->slot_count = 512;
    grow_table(s);
    return s;
}

void ici_set_destroy(ici_set **s)
{
    if (*s == NULL) {
        return;
    }
    free((*s)->slots);
    free((*s)->octets);
    free(*s);
    *s = NULL;
}

void ici_set_add(ici_set *s, cmp_str ici)
{
    const uint32_t size = (uint32_t)ici.size;
    size_t *slot = slot_of(s, ici);
    if (*slot != 0) {
        return;
    }
    if (s->used + HEAD + ici.size > s->room) {
        s->room = 2 * s->room + HEAD + ici.size;
        s->octets = kit_realloc(s->octets, s->room);
    }
    *slot = s->used + 1;
    s->octets[s->used] = 0;
    memcpy(s->octets + s->used + 1, &size, sizeof(size));
    memcpy(s->octets + s->used + HEAD, ici.at, ici.size);
    s->used += HEAD + ici.size;
    if (++s->count * 4 > s->slot_count * 3) {
        grow_table(s);
    }
}

void ici_set_mark(ici_set *s, cmp_str ici)
{
    const size_t *slot = slot_of(s, ici);
    if (*slot != 0) {
        s->octets[*slot - 1] = 1;
    }
}

bool ici_set_each_unmarked(const ici_set *s, bool (*visit)(cmp_str ici, void *arg), void *arg)
{
    for (size_t offset = 0; offset < s->used;) {
        const cmp_str ici = ici_at(s, offset);
        if (s->octets[offset] == 0 && !visit(ici, arg)) {
            return false;
        }
        offset += HEAD + ici.size;
    }
    return true;
}
