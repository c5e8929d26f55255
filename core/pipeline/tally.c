/* SPDX-License-Identifier: Apache-2.0 */
/* See tally.h. A block for each thread, as counters have: linked for the readers, never freed. */
#include "pipeline/tally.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/tid.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Microseconds. A resolve from memory takes less than the first; 3 s is the usual deadline. */
static const int64_t bounds[] = {100,   250,    500,    1000,   2500,    5000,    10000,  25000,
                                 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000};
enum { BOUNDS = sizeof(bounds) / sizeof(bounds[0]) };

const char *const tally_end_names[] = {
    [TALLY_RESOLVED] = "resolved", [TALLY_RELAYED] = "relayed", [TALLY_REFERRAL] = "referral",
    [TALLY_RECORDS] = "records",   [TALLY_WRITTEN] = "written", [TALLY_GONE] = "client_gone",
    [TALLY_PROBLEM] = "problem"};

const char *const tally_attempt_names[] = {
    [TALLY_ANSWERED] = "answered",  [TALLY_BUSY] = "busy",     [TALLY_BAD_ANSWER] = "bad_answer",
    [TALLY_NOT_SENT] = "not_sent",  [TALLY_BROKEN] = "broken", [TALLY_TIMEOUT] = "timeout",
    [TALLY_ABANDONED] = "abandoned"};

#define LINE     64        /* octets of a cache line */
#define NO_CLOCK INT32_MIN /* a tid that tells no time */

typedef _Atomic uint64_t cell;

typedef struct spread {
    cell buckets[BOUNDS + 1], sum;
} spread;

/* Of cells, and of nothing else: see forget. */
typedef struct peer_block {
    cell transactions[CMP_INTERFACE_MAX][TALLY_ENDS];
    cell attempts[TALLY_ATTEMPTS];
    cell in_flight;
    cell asked_us, answered_us;
    cell clock; /* the second in which it was seen, and how many ms it was ahead; see clock_of */
    spread took;
} peer_block;

typedef struct block block;
struct block {
    spread durations[CMP_INTERFACE_MAX];
    spread waits[TALLY_STEPS];
    _Atomic(peer_block *) peers[LABELS_MAX];
    cell keys[TALLY_KEYS][LABELS_MAX];
    cell under_way, replay_refused;
    block *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the list */
static _Atomic(block *) blocks;
static _Thread_local block *mine;

/* Large ones take memory where they are written to, and nowhere else. */
static void *zeroed(size_t size)
{
    char *at = kit_calloc(1, size + LINE);
    return at + (LINE - (uintptr_t)at % LINE) % LINE;
}

static block *block_make(void)
{
    mine = zeroed(sizeof(*mine));
    pthread_mutex_lock(&lock);
    mine->next = atomic_load_explicit(&blocks, memory_order_relaxed);
    atomic_store_explicit(&blocks, mine, memory_order_release);
    pthread_mutex_unlock(&lock);
    return mine;
}

/* Inline, as what follows: each request comes by several times. */
static inline block *block_of_thread(void)
{
    return mine != NULL ? mine : block_make();
}

static peer_block *peer_make(_Atomic(peer_block *) *at)
{
    peer_block *p = zeroed(sizeof(*p));
    atomic_store_explicit(at, p, memory_order_release);
    return p;
}

static inline peer_block *peer_of_thread(unsigned peer)
{
    _Atomic(peer_block *) *at = &block_of_thread()->peers[peer];
    peer_block *p = atomic_load_explicit(at, memory_order_relaxed);
    return p != NULL ? p : peer_make(at);
}

/* Nobody else writes it, so no read-modify-write is needed. */
static void add(cell *c, uint64_t more)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static void spread_add(spread *s, int64_t value)
{
    const int64_t took = value > 0 ? value : 0; /* the clock may have been set meanwhile */
    unsigned bucket = 0;
    while (bucket < BOUNDS && took > bounds[bucket]) {
        bucket++;
    }
    add(&s->buckets[bucket], 1);
    add(&s->sum, (uint64_t)took);
}

static void set(cell *c, int64_t value)
{
    atomic_store_explicit(c, (uint64_t)value, memory_order_relaxed);
}

void tally_transaction(cmp_interface interface, unsigned peer, unsigned end, int64_t took_us,
                       int64_t now_us)
{
    peer_block *p = peer_of_thread(peer);
    add(&p->transactions[interface][end], 1);
    set(&p->asked_us, now_us);
    spread_add(&block_of_thread()->durations[interface], took_us);
}

void tally_wait(unsigned step, int64_t took_us)
{
    spread_add(&block_of_thread()->waits[step], took_us);
}

void tally_attempt_begin(unsigned peer)
{
    add(&peer_of_thread(peer)->in_flight, 1);
}

void tally_attempt_end(unsigned peer, tally_attempt how, int64_t took_us, int64_t now_us)
{
    peer_block *p = peer_of_thread(peer);
    add(&p->in_flight, (uint64_t)-1);
    add(&p->attempts[how], 1);
    if (how <= TALLY_BAD_ANSWER) {
        set(&p->answered_us, now_us);
    }
    spread_add(&p->took, took_us);
}

void tally_key_used(tally_key kind, unsigned key, int64_t now_s)
{
    set(&block_of_thread()->keys[kind][key], now_s);
}

/* In one cell, so that who reads has both of one moment. Farther ahead than 24 days is as wrong. */
static uint64_t clock_of(cmp_str text, int64_t now_ms)
{
    const kit_tid tid = kit_tid_read(text);
    const int64_t ahead_ms = tid.time_ms - now_ms;
    const int64_t most_ms = INT32_MAX;
    const int32_t told = (int32_t)(!tid.version_7        ? NO_CLOCK
                                   : ahead_ms > most_ms  ? most_ms
                                   : ahead_ms < -most_ms ? -most_ms
                                                         : ahead_ms);
    return (uint64_t)(now_ms / 1000) << 32 | (uint32_t)told;
}

void tally_tid(unsigned peer, cmp_str tid, int64_t now_ms)
{
    cell *c = &peer_of_thread(peer)->clock;
    if (atomic_load_explicit(c, memory_order_relaxed) >> 32 != (uint64_t)(now_ms / 1000)) {
        atomic_store_explicit(c, clock_of(tid, now_ms), memory_order_relaxed);
    }
}

void tally_under_way(int more)
{
    add(&block_of_thread()->under_way, (uint64_t)(int64_t)more);
}

void tally_replay_refused(void)
{
    add(&block_of_thread()->replay_refused, 1);
}

/* Nobody counts by that number now. */
static void forget(unsigned label)
{
    for (block *b = atomic_load_explicit(&blocks, memory_order_acquire); b != NULL; b = b->next) {
        peer_block *p = atomic_load_explicit(&b->peers[label], memory_order_acquire);
        cell *cells = (cell *)p;
        for (size_t i = 0; p != NULL && i < sizeof(*p) / sizeof(*cells); i++) {
            atomic_store_explicit(&cells[i], 0, memory_order_relaxed);
        }
        for (unsigned kind = 0; kind < TALLY_KEYS; kind++) {
            atomic_store_explicit(&b->keys[kind][label], 0, memory_order_relaxed);
        }
    }
}

void tally_setup(void)
{
    labels_on_reuse(forget);
}

/* ---- reading ---- */

static uint64_t get(const cell *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static const block *first_block(void)
{
    return atomic_load_explicit(&blocks, memory_order_acquire);
}

static void sums_begin(histogram_sums *sums)
{
    *sums = (histogram_sums){.bounds = bounds, .count = BOUNDS};
}

static void sums_add(histogram_sums *sums, const spread *s)
{
    for (unsigned i = 0; i <= BOUNDS; i++) {
        sums->buckets[i] += get(&s->buckets[i]);
    }
    sums->sum += (int64_t)get(&s->sum);
}

static int64_t later(int64_t a, const cell *b)
{
    const int64_t other = (int64_t)get(b);
    return a > other ? a : other;
}

static void peer_add(tally_peer *sums, const peer_block *p)
{
    for (unsigned i = 0; i < CMP_INTERFACE_MAX; i++) {
        for (unsigned end = 0; end < TALLY_ENDS; end++) {
            sums->transactions[i][end] += get(&p->transactions[i][end]);
        }
    }
    for (unsigned i = 0; i < TALLY_ATTEMPTS; i++) {
        sums->attempts[i] += get(&p->attempts[i]);
    }
    sums->in_flight += (int64_t)get(&p->in_flight);
    sums->asked_us = later(sums->asked_us, &p->asked_us);
    sums->answered_us = later(sums->answered_us, &p->answered_us);
    sums_add(&sums->took, &p->took);
}

bool tally_read_peer(unsigned peer, tally_peer *sums)
{
    bool any = false;
    for (const block *b = first_block(); b != NULL; b = b->next) {
        const peer_block *p = atomic_load_explicit(&b->peers[peer], memory_order_acquire);
        if (p != NULL) {
            if (!any) {
                memset(sums, 0, sizeof(*sums));
                sums_begin(&sums->took);
            }
            any = true;
            peer_add(sums, p);
        }
    }
    return any;
}

void tally_read_duration(cmp_interface interface, histogram_sums *sums)
{
    sums_begin(sums);
    for (const block *b = first_block(); b != NULL; b = b->next) {
        sums_add(sums, &b->durations[interface]);
    }
}

void tally_read_wait(unsigned step, histogram_sums *sums)
{
    sums_begin(sums);
    for (const block *b = first_block(); b != NULL; b = b->next) {
        sums_add(sums, &b->waits[step]);
    }
}

bool tally_read_clock(unsigned peer, int64_t *ahead_ms)
{
    uint64_t last = 0;
    for (const block *b = first_block(); b != NULL; b = b->next) {
        const peer_block *p = atomic_load_explicit(&b->peers[peer], memory_order_acquire);
        const uint64_t told = p != NULL ? get(&p->clock) : 0;
        last = told >> 32 > last >> 32 && (int32_t)told != NO_CLOCK ? told : last;
    }
    *ahead_ms = (int32_t)last;
    return last != 0;
}

int64_t tally_read_key(tally_key kind, unsigned key)
{
    uint64_t last = 0;
    for (const block *b = first_block(); b != NULL; b = b->next) {
        const uint64_t used = get(&b->keys[kind][key]);
        last = used > last ? used : last;
    }
    return (int64_t)last;
}

bool tally_read_last_use(const cmp_key *key, int64_t *used_s)
{
    const bool issued = key->use == CMP_KEY_ISSUED;
    const unsigned label = issued ? label_find(key->id) : label_find_pair(key->peer, key->id);
    *used_s = tally_read_key(issued ? TALLY_KEY_ISSUED : TALLY_KEY_RECEIVED, label);
    return label != LABEL_OTHER; /* which many may share */
}

int64_t tally_read_under_way(void)
{
    uint64_t sum = 0;
    for (const block *b = first_block(); b != NULL; b = b->next) {
        sum += get(&b->under_way);
    }
    return (int64_t)sum;
}

uint64_t tally_read_replay_refused(void)
{
    uint64_t sum = 0;
    for (const block *b = first_block(); b != NULL; b = b->next) {
        sum += get(&b->replay_refused);
    }
    return sum;
}
