/* SPDX-License-Identifier: Apache-2.0 */
/* Opens after failures in a row, and says when to try again. The worker that opened a circuit
 * probes it with a connection that carries no request: recovery costs nobody an answer. */
#include "outbound/circuit.h"

#include "base/clock.h"

#include <stdlib.h>

/* Chosen, not measured: nobody waits longer than BACKOFF_MAX_MS for a server that is back. */
#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS   2000
#define PROBE_PAUSE_MS   50 /* at least this long between the end of a probe and the next */

void breaker_init(breaker *b)
{
    *b = (breaker){.prober = NULL};
    atomic_init(&b->state, CIRCUIT_CLOSED);
    atomic_init(&b->troubled, false);
    pthread_mutex_init(&b->lock, NULL);
}

void breaker_dispose(breaker *b)
{
    pthread_mutex_destroy(&b->lock);
}

/* Relaxed: nothing else is published by it, and a worker that sees a change late sends one more. */
static circuit state_get(const breaker *b)
{
    return (circuit)atomic_load_explicit(&b->state, memory_order_relaxed);
}

static void state_set(breaker *b, circuit state)
{
    atomic_store_explicit(&b->state, state, memory_order_relaxed);
}

/* Not a secret, so any thread-safe source will do. */
static uint64_t random_below(uint64_t limit)
{
    static _Thread_local unsigned seed;
    if (seed == 0) {
        seed = (unsigned)clock_monotonic_ms() ^ (unsigned)(uintptr_t)&seed;
    }
    return (uint64_t)rand_r(&seed) % limit;
}

/* The backoff less a tenth to three tenths, so that many nodes do not come at once and no probe
 * comes later than the backoff says. */
static uint64_t with_jitter(uint64_t backoff_ms)
{
    return backoff_ms * (700 + random_below(200)) / 1000;
}

static void open_again(breaker *b)
{
    b->backoff_ms = b->backoff_ms == 0 ? BACKOFF_FIRST_MS : b->backoff_ms * 2;
    if (b->backoff_ms > BACKOFF_MAX_MS) {
        b->backoff_ms = BACKOFF_MAX_MS;
    }
    b->failures = 0;
    state_set(b, CIRCUIT_OPEN);
}

bool breaker_answered(breaker *b)
{
    /* Every answer comes by here, on every worker: without troubles it takes no lock and writes
     * nothing that others read. */
    if (!atomic_load_explicit(&b->troubled, memory_order_relaxed)) {
        return false;
    }
    pthread_mutex_lock(&b->lock);
    const bool closed_now = state_get(b) != CIRCUIT_CLOSED;
    b->failures = 0;
    b->backoff_ms = 0;
    b->prober = NULL;
    atomic_store_explicit(&b->troubled, false, memory_order_relaxed);
    state_set(b, CIRCUIT_CLOSED);
    pthread_mutex_unlock(&b->lock);
    return closed_now;
}

bool breaker_failed(breaker *b, const outbound *who, uint64_t *delay_ms)
{
    pthread_mutex_lock(&b->lock);
    atomic_store_explicit(&b->troubled, true, memory_order_relaxed);
    /* What fails while the circuit is open was begun before: it says nothing new. */
    const bool opens = state_get(b) == CIRCUIT_CLOSED && ++b->failures >= CIRCUIT_FAILURES;
    if (opens) {
        open_again(b);
        *delay_ms = with_jitter(b->backoff_ms);
        b->open_until_ms = clock_monotonic_ms() + *delay_ms;
        b->prober = who;
    }
    pthread_mutex_unlock(&b->lock);
    return opens;
}

bool breaker_adopt(breaker *b, const outbound *who, uint64_t *delay_ms)
{
    pthread_mutex_lock(&b->lock);
    const bool taken = b->prober == NULL && state_get(b) != CIRCUIT_CLOSED;
    if (taken) {
        const uint64_t now = clock_monotonic_ms();
        b->prober = who;
        *delay_ms = b->open_until_ms > now ? b->open_until_ms - now : 0;
    }
    pthread_mutex_unlock(&b->lock);
    return taken;
}

bool breaker_probe_begin(breaker *b, const outbound *who)
{
    pthread_mutex_lock(&b->lock);
    const bool mine = b->prober == who && state_get(b) == CIRCUIT_OPEN;
    if (mine) {
        state_set(b, CIRCUIT_PROBING);
    }
    pthread_mutex_unlock(&b->lock);
    return mine;
}

bool breaker_probe_end(breaker *b, const outbound *who, bool good, uint64_t took_ms,
                       uint64_t *delay_ms)
{
    *delay_ms = 0;
    pthread_mutex_lock(&b->lock);
    const bool mine = b->prober == who && state_get(b) == CIRCUIT_PROBING;
    if (mine && good) {
        /* The backoff stays until an answer comes: a server that takes connections and then breaks
         * them is not tried at full speed. */
        b->prober = NULL;
        state_set(b, CIRCUIT_CLOSED);
    } else if (mine) {
        open_again(b);
        const uint64_t pause = with_jitter(b->backoff_ms);
        *delay_ms = pause > took_ms + PROBE_PAUSE_MS ? pause - took_ms : PROBE_PAUSE_MS;
        b->open_until_ms = clock_monotonic_ms() + *delay_ms;
    }
    pthread_mutex_unlock(&b->lock);
    return mine && good;
}

/* Back to open: whichever worker is asked next adopts the probing, or nobody ever would. */
void breaker_abandon(breaker *b, const outbound *who)
{
    pthread_mutex_lock(&b->lock);
    if (b->prober == who) {
        b->prober = NULL;
        if (state_get(b) == CIRCUIT_PROBING) {
            state_set(b, CIRCUIT_OPEN);
        }
    }
    pthread_mutex_unlock(&b->lock);
}
