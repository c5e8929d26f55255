/* SPDX-License-Identifier: Apache-2.0 */
/* See ring.h. */
#include "journal/ring.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define AHEAD 2048 /* octets that the writer has brought on their way to it */

ring *ring_create(size_t size)
{
    ring *r = kit_must(aligned_alloc(RING_LINE, sizeof(*r)));
    r->octets = kit_alloc(size);
    r->size = size;
    r->seen_tail = 0;
    atomic_init(&r->head, 0);
    atomic_init(&r->tail, 0);
    atomic_init(&r->next, NULL);
    return r;
}

void ring_destroy(ring **ref)
{
    ring *r = *ref;
    if (r != NULL) {
        free(r->octets);
        free(r);
        *ref = NULL;
    }
}

/* ---- the worker ---- */

/* The tail is looked at only when what was seen of it no longer does: it lies in a line that the
 * writer writes. */
static bool has_room(ring *r, size_t head, size_t needed)
{
    if (head + needed - r->seen_tail <= r->size) {
        return true;
    }
    r->seen_tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    return head + needed - r->seen_tail <= r->size;
}

uint8_t *ring_room(ring *r)
{
    const size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    const size_t at = head & (r->size - 1), to_end = r->size - at;
    const size_t passed = to_end < JOURNAL_RECORD_MAX ? to_end : 0;
    if (!has_room(r, head, passed + JOURNAL_RECORD_MAX)) {
        return NULL;
    }
    if (passed == 0) {
        return r->octets + at;
    }
    if (passed >= 2) { /* else there is no room for a size, and ring_next knows it */
        memset(r->octets + at, 0, 2);
    }
    atomic_store_explicit(&r->head, head + passed, memory_order_release);
    return r->octets;
}

void ring_put(ring *r, size_t size)
{
    const size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    atomic_store_explicit(&r->head, head + size, memory_order_release);
}

void ring_end(ring *r, ring *next)
{
    atomic_store_explicit(&r->next, next, memory_order_release);
}

/* ---- the writer ---- */

size_t ring_tail(const ring *r)
{
    return atomic_load_explicit(&r->tail, memory_order_relaxed);
}

/* They lie in the worker's cache, or have fallen out of it. */
const uint8_t *ring_next(const ring *r, size_t *at)
{
    const size_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    while (*at != head) {
        const uint8_t *octets = r->octets + (*at & (r->size - 1));
        const size_t to_end = r->size - (*at & (r->size - 1));
        const size_t size = to_end >= 2 ? journal_record_size(octets) : 0;
        if (size > 0) {
            *at += size;
            for (size_t i = 0; i < size; i += RING_LINE) {
                __builtin_prefetch(octets + AHEAD + i);
            }
            return octets;
        }
        *at += to_end;
    }
    return NULL;
}

void ring_take(ring *r, size_t at)
{
    atomic_store_explicit(&r->tail, at, memory_order_release);
}

/* Whoever sees `next` sees the last head as well. */
ring *ring_follower(const ring *r)
{
    ring *next = ring_after(r);
    size_t at = ring_tail(r);
    return next != NULL && ring_next(r, &at) == NULL ? next : NULL;
}
