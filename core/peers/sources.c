/* SPDX-License-Identifier: Apache-2.0 */
/* Asked for every accepted connection, and for every request of an anonymous interface before
 * anything is done for it. A source has one bucket in which it may be; in it the source that was
 * quiet longest, and has no connection, gives way. */
#include "peers/sources.h"

#include "base/hash.h"
#include "base/rate.h"

#include <cmp-kit/memory.h>

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WAYS  8
#define LOCKS 64

/* What counts as one source. */
typedef struct network {
    uint64_t octets; /* an IPv4 address, or the first half of an IPv6 address */
    uint64_t bits;   /* 32 or 64; 0: none */
} network;

typedef struct source {
    network network;
    int64_t request_due_ns, connect_due_ns; /* as in rate.h */
    uint64_t turn;                          /* of its lock, when it came last */
    unsigned connections;
} source;

typedef struct bucket {
    source ways[WAYS];
} bucket;

/* What every source may. */
typedef struct allowed {
    rate requests, connects; /* each source has its own due_ns */
    int64_t for_first_ns;    /* of the burst of requests: kept for the first of a connection */
    unsigned connections_max;
} allowed;

/* Guards every LOCKSth bucket, with what is allowed there: the same for all, but for the moment in
 * which it changes. */
typedef struct guard {
    _Alignas(64) pthread_mutex_t lock;
    uint64_t turn;
    allowed allowed;
} guard;

struct sources {
    _Atomic unsigned shares;
    _Atomic bool takes_requests; /* they have a limit */
    guard guards[LOCKS];
    bucket *buckets;
    size_t count;
};

/* The burst is doubled: one half for everybody, the other for first requests of connections alone.
 * So whoever asks all the time uses up the common half, and those who have just come still get an
 * answer. */
static void allow(allowed *a, const sources_limits *limits)
{
    rate_init(&a->requests, limits->requests_per_hour, 0);
    rate_set_burst(&a->requests, limits->requests_at_once);
    a->for_first_ns = a->requests.ahead_ns + a->requests.interval_ns;
    a->requests.ahead_ns += a->for_first_ns;
    rate_init(&a->connects, limits->connects_per_hour, 0);
    rate_set_burst(&a->connects, limits->connects_at_once);
    a->connections_max = limits->connections != 0 ? limits->connections : UINT_MAX;
}

/* One lock at a time: nobody waits for all of them, and ThreadSanitizer follows no more than 64. */
void sources_set_limits(sources *s, const sources_limits *limits)
{
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_lock(&s->guards[i].lock);
        allow(&s->guards[i].allowed, limits);
        pthread_mutex_unlock(&s->guards[i].lock);
    }
    s->takes_requests = limits->requests_per_hour != 0;
}

sources *sources_create(size_t entries_max, const sources_limits *limits)
{
    sources *s = aligned_alloc(_Alignof(sources), sizeof(*s));
    if (s == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    memset(s, 0, sizeof(*s));
    atomic_init(&s->shares, 1);
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&s->guards[i].lock, NULL);
    }
    s->count = entries_max > WAYS ? entries_max / WAYS : 1;
    s->buckets = kit_calloc(s->count, sizeof(bucket));
    sources_set_limits(s, limits);
    return s;
}

sources *sources_ref(sources *s)
{
    atomic_fetch_add_explicit(&s->shares, 1, memory_order_relaxed);
    return s;
}

void sources_unref(sources **s)
{
    if (*s != NULL && atomic_fetch_sub_explicit(&(*s)->shares, 1, memory_order_acq_rel) == 1) {
        for (size_t i = 0; i < LOCKS; i++) {
            pthread_mutex_destroy(&(*s)->guards[i].lock);
        }
        free((*s)->buckets);
        free(*s);
    }
    *s = NULL;
}

/* One IPv6 host can use all addresses of its /64. */
static network network_of(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    network n = {.bits = 64};
    if (memcmp(address, mapped, sizeof(mapped)) == 0) {
        n.bits = 32;
        memcpy(&n.octets, address + sizeof(mapped), 4);
    } else {
        memcpy(&n.octets, address, 8);
    }
    return n;
}

static source *find(bucket *b, const network *n)
{
    for (size_t i = 0; i < WAYS; i++) {
        source *at = &b->ways[i];
        if (at->network.octets == n->octets && at->network.bits == n->bits) {
            return at;
        }
    }
    return NULL;
}

/* NULL when every place is taken by a source with connections. */
static source *find_or_make(bucket *b, const network *n)
{
    source *found = find(b, n), *quiet = NULL;
    for (size_t i = 0; i < WAYS && found == NULL; i++) {
        source *at = &b->ways[i];
        if (at->connections == 0 && (quiet == NULL || at->turn < quiet->turn)) {
            quiet = at;
        }
    }
    if (found == NULL && quiet != NULL) {
        *quiet = (source){.network = *n};
        found = quiet;
    }
    return found;
}

/* Takes from one of a source's rates; `limit` says what it allows. The lock is held, so a plain
 * word would do; rate.h is used on a copy for its arithmetic, which is written and tested once. */
static int64_t reserve(const rate *limit, int64_t *due_ns, int64_t now_us, int64_t wait_max_ms)
{
    rate r = {*due_ns, limit->interval_ns, limit->ahead_ns};
    const int64_t wait_ms = rate_reserve(&r, now_us, wait_max_ms);
    *due_ns = atomic_load_explicit(&r.due_ns, memory_order_relaxed);
    return wait_ms;
}

typedef struct place {
    network network;
    bucket *bucket;
    guard *guard;
} place;

static place place_of(sources *s, const uint8_t address[16])
{
    const network n = network_of(address);
    const size_t at = hash_octets(&n, sizeof(n)) % s->count;
    return (place){n, &s->buckets[at], &s->guards[at % LOCKS]};
}

/* Without a place the request passes: its bucket is full of sources with connections, whose number
 * has a limit of its own. To refuse would let eight of them shut out others. */
int64_t sources_take(sources *s, const uint8_t address[16], bool first, int64_t now_us)
{
    if (!atomic_load_explicit(&s->takes_requests, memory_order_relaxed)) {
        return 0;
    }
    const place p = place_of(s, address);
    int64_t wait_ms = 0;
    pthread_mutex_lock(&p.guard->lock);
    source *from = find_or_make(p.bucket, &p.network);
    if (from != NULL) {
        from->turn = ++p.guard->turn;
        const allowed *a = &p.guard->allowed;
        rate r = {from->request_due_ns, a->requests.interval_ns, a->requests.ahead_ns};
        wait_ms = rate_take_leaving(&r, now_us, first ? 0 : a->for_first_ns);
        from->request_due_ns = atomic_load_explicit(&r.due_ns, memory_order_relaxed);
    }
    pthread_mutex_unlock(&p.guard->lock);
    return wait_ms;
}

/* The rate comes first: who comes too fast must not drive out those who are in. */
static sources_verdict enter(const allowed *a, source *from, int64_t now_us, int64_t wait_max_ms,
                             sources_entry *entry)
{
    entry->wait_ms = reserve(&a->connects, &from->connect_due_ns, now_us, wait_max_ms);
    if (entry->wait_ms < 0) {
        return SOURCES_TOO_FAST;
    }
    entry->counted = true;
    return ++from->connections > a->connections_max ? SOURCES_TOO_MANY : SOURCES_ENTER;
}

sources_verdict sources_enter(sources *s, const uint8_t address[16], int64_t now_us,
                              int64_t wait_max_ms, sources_entry *entry)
{
    const place p = place_of(s, address);
    sources_verdict verdict = SOURCES_ENTER;
    *entry = (sources_entry){.wait_ms = 0};
    pthread_mutex_lock(&p.guard->lock);
    source *from = find_or_make(p.bucket, &p.network);
    if (from != NULL) {
        from->turn = ++p.guard->turn;
        verdict = enter(&p.guard->allowed, from, now_us, wait_max_ms, entry);
    }
    pthread_mutex_unlock(&p.guard->lock);
    return verdict;
}

/* Sources with connections never give way, so one that was counted is there. */
void sources_leave(sources *s, const uint8_t address[16])
{
    const place p = place_of(s, address);
    pthread_mutex_lock(&p.guard->lock);
    source *from = find(p.bucket, &p.network);
    if (from != NULL && from->connections > 0) {
        from->connections--;
    }
    pthread_mutex_unlock(&p.guard->lock);
}

bool sources_same(const uint8_t a[16], const uint8_t b[16])
{
    const network x = network_of(a), y = network_of(b);
    return x.octets == y.octets && x.bits == y.bits;
}

uint64_t sources_hash(const uint8_t address[16])
{
    const network n = network_of(address);
    return hash_octets(&n, sizeof(n));
}
