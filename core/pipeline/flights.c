/* SPDX-License-Identifier: Apache-2.0 */
/* A small table of flights, each with the list of those who wait for it. */
#include "pipeline/flights.h"

#include "base/hash.h"

#include <cmp-kit/arena.h>
#include <cmp-kit/memory.h>

#include <stdlib.h>

struct flight {
    flight *next; /* in its bucket */
    flights *table;
    uint64_t hash;
    passenger *leader; /* whose ICI it is: the flight ends when the leader goes */
    passenger *first_waiter, **last_waiter;
    bool outdated; /* the record was changed meanwhile: what it brings is not kept */
};

bool flight_join(flights *table, passenger *p)
{
    const uint64_t hash = hash_str(p->ici);
    flight **bucket = &table->buckets[hash % FLIGHT_BUCKETS], *f = *bucket;
    /* Who comes after a change does not want what was read before it: a flight of its own. */
    while (f != NULL && (f->outdated || !cmp_str_equal(f->leader->ici, p->ici))) {
        f = f->next;
    }
    const bool joined = f != NULL;
    if (joined) {
        p->next = NULL;
        *f->last_waiter = p;
        f->last_waiter = &p->next;
    } else {
        f = kit_alloc(sizeof(*f));
        *f = (flight){.next = *bucket, .table = table, .hash = hash, .leader = p};
        f->last_waiter = &f->first_waiter;
        *bucket = f;
    }
    p->flight = f;
    return joined;
}

bool flight_current(const passenger *leader)
{
    return !leader->flight->outdated;
}

passenger *flight_end(passenger *leader)
{
    flight *f = leader->flight;
    flight **at = &f->table->buckets[f->hash % FLIGHT_BUCKETS];
    while (*at != f) {
        at = &(*at)->next;
    }
    *at = f->next;
    passenger *waiters = f->first_waiter;
    for (passenger *p = waiters; p != NULL; p = p->next) {
        p->flight = NULL;
    }
    leader->flight = NULL;
    free(f);
    return waiters;
}

passenger *flight_leave(passenger *p)
{
    flight *f = p->flight;
    if (f == NULL) {
        return NULL;
    }
    if (f->leader == p) {
        return flight_end(p);
    }
    passenger **at = &f->first_waiter;
    while (*at != p) {
        at = &(*at)->next;
    }
    *at = p->next;
    if (f->last_waiter == &p->next) {
        f->last_waiter = at;
    }
    p->flight = NULL;
    return NULL;
}

void flights_outdate(flights *table, cmp_str ici)
{
    /* All buckets also for one ICI: changes are rare, and several flights may be for it. */
    for (size_t i = 0; i < FLIGHT_BUCKETS; i++) {
        for (flight *f = table->buckets[i]; f != NULL; f = f->next) {
            f->outdated = f->outdated || ici.at == NULL || cmp_str_equal(f->leader->ici, ici);
        }
    }
}
