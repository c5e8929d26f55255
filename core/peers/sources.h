/* SPDX-License-Identifier: Apache-2.0 */
/* Limits for each source address of a listener: connections, new ones a time, and requests a time
 * on anonymous interfaces (MC-1). One memory for all workers, bounded: the addresses that were
 * quiet longest are forgotten, but not while they have connections. Any thread. IPv4 counts by
 * address, IPv6 by /64. */
#pragma once

#include <cmp/base.h>

typedef struct sources sources;

/* Of one source. 0 stands for any number. */
typedef struct sources_limits {
    int64_t requests_per_hour;
    unsigned requests_at_once; /* at least 1; of first ones of their connections twice as many */
    int64_t connects_per_hour;
    unsigned connects_at_once; /* at least 1 */
    unsigned connections;      /* that are open */
} sources_limits;

/* The caller's share. */
sources *sources_create(size_t entries_max, const sources_limits *limits);

/* Other limits, from now on; what each source has used is kept. */
void sources_set_limits(sources *s, const sources_limits *limits);

/* Another share; and one given back, which nulls it. The last frees all; NULL is fine. Any thread.
 */
sources *sources_ref(sources *s);
void sources_unref(sources **s);

/* Takes one request of a source (IPv6 or IPv4-mapped). 0: go on. Otherwise the milliseconds after
 * which one is free. The `first` of its connection goes before others: behind one address may be
 * many, and one of them who asks all the time. `now_us` may be any clock, here and below, but each
 * function's own. */
int64_t sources_take(sources *s, const uint8_t address[16], bool first, int64_t now_us);

typedef enum sources_verdict {
    SOURCES_ENTER,
    SOURCES_TOO_MANY, /* it is in, and with it are more than may be: one has to leave */
    SOURCES_TOO_FAST, /* it would have to wait too long */
} sources_verdict;

/* What an accepted connection has to go by. */
typedef struct sources_entry {
    int64_t wait_ms; /* before anything is read from it; 0: none */
    bool counted;    /* sources_leave is to be called at its end */
} sources_entry;

/* Opens a connection of a source. New ones beyond its rate get their turn later, one by one, unless
 * that would be in more than `wait_max_ms`. */
sources_verdict sources_enter(sources *s, const uint8_t address[16], int64_t now_us,
                              int64_t wait_max_ms, sources_entry *entry)
    __attribute__((warn_unused_result));

/* Ends one that was counted. */
void sources_leave(sources *s, const uint8_t address[16]);

/* Whether two addresses are one source. */
bool sources_same(const uint8_t a[16], const uint8_t b[16]);

/* A number for tables of one's own, the same for all addresses of a source. */
uint64_t sources_hash(const uint8_t address[16]);
