/* SPDX-License-Identifier: Apache-2.0 */
/* The cache in front of a slow store: one for each store and worker, so without locks.
 *
 * An entry belongs to one store: it says what the store said, found or absent, and never where a
 * request goes. While a store is asked for an ICI, others who want the same wait for that flight
 * (flights.h). */
#pragma once

#include "pipeline/flights.h"
#include "plugin/instance.h"

typedef struct cache cache;

/* Copies the settings (plugin/instance.h). `shown` is what others see of it, and has to be there
 * until its last change. */
cache *cache_create(const instance_cache *settings, instance_cached *shown);
void cache_destroy(cache **c);

typedef enum cache_state {
    CACHE_MISS,
    CACHE_FOUND,
    CACHE_ABSENT,
    CACHE_STALE, /* a record, for when the store cannot tell */
} cache_state;

/* What is known of an ICI. `now_ms`, here and below, is of a clock that nobody sets
 * (clock_monotonic_ms): one that is set back would make all fresh anew. *record (FOUND, STALE)
 * lives until the cache is changed next. */
cache_state cache_find(cache *c, cmp_str ici, int64_t now_ms, const cmp_record **record);

/* Keeps what the store said; `record` NULL: absent. Copies. */
void cache_put(cache *c, cmp_str ici, const cmp_record *record, int64_t now_ms);

/* Forgets an ICI, and what a flight for it that is under way will bring. */
void cache_drop(cache *c, cmp_str ici);

/* The time of all entries is over, and what flights under way bring is not kept; records stay for
 * their stale time. */
void cache_expire(cache *c, int64_t now_ms);

/* The look-ups that are on their way to the store: what was dropped meanwhile is not kept of what
 * they bring. */
flights *cache_flights(cache *c);
