/* SPDX-License-Identifier: Apache-2.0 */
/* Records on their way from one worker to the writer: a ring of octets, one thread at each end, and
 * neither ever waits. */
#pragma once

#include "journal/record.h"

#include <stdatomic.h>

#define RING_LINE 64 /* octets of a cache line */

/* Offsets only grow; where they lie in the ring is their rest. A size of 0 in place of a record's
 * says that the next one is at the ring's beginning. */
typedef struct ring {
    uint8_t *octets;
    size_t size; /* a power of two */

    _Alignas(RING_LINE) _Atomic size_t head; /* up to here records are whole; the worker's */
    size_t seen_tail;                        /* the worker's: where the tail was when it looked */

    _Alignas(RING_LINE) _Atomic size_t tail; /* from here on they were not taken; the writer's */
    _Atomic(struct ring *) next;             /* where the worker went on; NULL: it is here */
} ring;

ring *ring_create(size_t size);
void ring_destroy(ring **r);

/* The worker's: room for one record, or NULL when there is none; then ring_put with the octets it
 * took. */
uint8_t *ring_room(ring *r);
void ring_put(ring *r, size_t size);

/* The worker's: nothing more comes into this one, and `next` is where it goes on. */
void ring_end(ring *r, ring *next);

/* Where that is; NULL: nowhere. */
static inline ring *ring_after(const ring *r)
{
    return atomic_load_explicit(&r->next, memory_order_acquire);
}

/* The worker's: octets that wait. */
static inline size_t ring_used(ring *r)
{
    return atomic_load_explicit(&r->head, memory_order_relaxed) -
           atomic_load_explicit(&r->tail, memory_order_relaxed);
}

/* The writer's: the octets of the next record from *at on, where `at` begins at ring_tail; NULL:
 * there is none yet. Then ring_take up to there. */
size_t ring_tail(const ring *r);
const uint8_t *ring_next(const ring *r, size_t *at);
void ring_take(ring *r, size_t at);

/* The writer's: where the worker went on, once all that was in this one is taken; NULL: not yet. */
ring *ring_follower(const ring *r);
