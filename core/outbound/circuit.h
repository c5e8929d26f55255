/* SPDX-License-Identifier: Apache-2.0 */
/* The circuit of one origin: whether it is used now. Shared by all workers, so kept under a lock
 * that the good path never takes. */
#pragma once

#include "outbound/outbound.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct breaker {
    _Atomic int state;     /* circuit */
    _Atomic bool troubled; /* something failed since the last answer */
    pthread_mutex_t lock;  /* for what follows, and for writing the above */
    unsigned failures;     /* in a row */
    uint64_t backoff_ms;   /* 0: none yet */
    uint64_t open_until_ms;
    const outbound *prober; /* the worker that looks after recovery; NULL: none */
} breaker;

void breaker_init(breaker *b);
void breaker_dispose(breaker *b);

static inline bool breaker_closed(const breaker *b)
{
    return atomic_load_explicit(&b->state, memory_order_relaxed) == CIRCUIT_CLOSED;
}

/* An HTTP answer came back. True when that closed the circuit. */
bool breaker_answered(breaker *b);

/* A connection failed. True when that opened the circuit: `who` has become the prober and is to
 * probe in *delay_ms. */
bool breaker_failed(breaker *b, const outbound *who, uint64_t *delay_ms);

/* Offers `who` as prober of an open circuit that has none. True when it was taken; see above. */
bool breaker_adopt(breaker *b, const outbound *who, uint64_t *delay_ms);

/* The prober begins an attempt. False when the circuit has closed meanwhile, or another one probes:
 * nothing to do. */
bool breaker_probe_begin(breaker *b, const outbound *who);

/* How the attempt ended. True when it closed the circuit; otherwise the next one is due in
 * *delay_ms. `took_ms` is how long the attempt lasted. */
bool breaker_probe_end(breaker *b, const outbound *who, bool good, uint64_t took_ms,
                       uint64_t *delay_ms);

/* The prober goes away; the next request makes another worker look after recovery. */
void breaker_abandon(breaker *b, const outbound *who);
