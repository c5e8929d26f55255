/* Asked once for every request of an anonymous interface, before anything is done for it. A source
 * has one bucket in which it may be; in it the source that was quiet longest gives way. */
#include "peers/sources.h"

#include "base/hash.h"
#include "base/rate.h"

#include <cmp-kit/memory.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WAYS      8
#define LOCKS     64
#define AHEAD_MAX (INT64_MAX / 4)

/* What counts as one source. */
typedef struct network {
    uint64_t octets; /* an IPv4 address, or the first half of an IPv6 address */
    uint64_t bits;   /* 32 or 64; 0: none */
} network;

typedef struct source {
    network network;
    int64_t due_ns; /* as in rate.h */
    uint64_t turn;  /* of its lock, when it came last */
} source;

typedef struct bucket {
    source ways[WAYS];
} bucket;

/* Guards every LOCKSth bucket. */
typedef struct guard {
    _Alignas(64) pthread_mutex_t lock;
    uint64_t turn;
} guard;

struct sources {
    guard guards[LOCKS];
    rate limit; /* what it allows; each source has its own due_ns */
    bucket *buckets;
    size_t count;
};

sources *sources_create(size_t entries_max, int64_t per_hour, unsigned burst)
{
    sources *s = aligned_alloc(_Alignof(sources), sizeof(*s));
    if (s == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    memset(s, 0, sizeof(*s));
    rate_init(&s->limit, per_hour, 0);
    const int64_t more = burst > 1 ? (int64_t)burst - 1 : 0;
    if (__builtin_mul_overflow(more, s->limit.interval_ns, &s->limit.ahead_ns) ||
        s->limit.ahead_ns > AHEAD_MAX) {
        s->limit.ahead_ns = AHEAD_MAX;
    }
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&s->guards[i].lock, NULL);
    }
    s->count = entries_max > WAYS ? entries_max / WAYS : 1;
    s->buckets = kit_calloc(s->count, sizeof(bucket));
    return s;
}

void sources_destroy(sources **s)
{
    if (*s != NULL) {
        for (size_t i = 0; i < LOCKS; i++) {
            pthread_mutex_destroy(&(*s)->guards[i].lock);
        }
        free((*s)->buckets);
        free(*s);
        *s = NULL;
    }
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
    source *quiet = &b->ways[0];
    for (size_t i = 0; i < WAYS; i++) {
        source *at = &b->ways[i];
        if (at->network.octets == n->octets && at->network.bits == n->bits) {
            return at;
        }
        if (at->turn < quiet->turn) {
            quiet = at;
        }
    }
    *quiet = (source){.network = *n};
    return quiet;
}

int64_t sources_take(sources *s, const uint8_t address[16], int64_t now_us)
{
    if (s->limit.interval_ns == 0) {
        return 0;
    }
    const network n = network_of(address);
    const size_t place = hash_octets(&n, sizeof(n)) % s->count;
    guard *g = &s->guards[place % LOCKS];
    pthread_mutex_lock(&g->lock);
    source *from = find(&s->buckets[place], &n);
    from->turn = ++g->turn;
    rate limit = {from->due_ns, s->limit.interval_ns, s->limit.ahead_ns};
    const int64_t wait_ms = rate_take(&limit, now_us);
    from->due_ns = atomic_load_explicit(&limit.due_ns, memory_order_relaxed);
    pthread_mutex_unlock(&g->lock);
    return wait_ms;
}
