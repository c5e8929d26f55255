/* SPDX-License-Identifier: Apache-2.0 */
/* The stores in their order, one flight for each ICI, and what the caches know. */
#include "pipeline/lookup.h"

#include "observe/counters.h"
#include "pipeline/cache.h"

static lookup *lookup_of(passenger *p)
{
    return H2O_STRUCT_FROM_MEMBER(lookup, passenger, p);
}

void lookup_begin(lookup *l, asker *who, worker *w, const chain *stores, int64_t begun_us)
{
    l->asker = who;
    l->worker = w;
    l->stores = stores;
    l->begun_ms = begun_us / 1000;
}

static cmp_str ici_of(const lookup *l)
{
    return l->asker->request->message.params[CMP_PARAM_ICI];
}

static cmp_store_verdict ask_store(lookup *l, instance *store)
{
    const cmp_store_verdict verdict = ask_lookup(l->asker, store, &l->record);
    if (verdict == CMP_STORE_PENDING) {
        worker_expect_turn_end(l->worker, store);
    }
    return verdict;
}

/* Those who waited go on with what the leader got, at once: the record is lent only until control
 * is back in the loop. The next one is read first, since a look-up may end with its transaction. */
static void land(passenger *waiters, cmp_store_verdict verdict, const cmp_record *record)
{
    for (passenger *p = waiters, *next; p != NULL; p = next) {
        next = p->next;
        lookup *l = lookup_of(p);
        l->landed = true;
        l->verdict = verdict;
        l->record = record;
        l->asker->ops->resume(l->asker);
    }
}

/* A record that is stale is better than none when the store cannot tell. */
static cmp_store_verdict or_stale(lookup *l, const instance *store, cache *c)
{
    if (cache_find(c, ici_of(l), l->begun_ms, &l->record) == CACHE_STALE) {
        counter_add(store->cache_counters.stale, 1);
        return CMP_STORE_FOUND;
    }
    return CMP_STORE_UNAVAILABLE;
}

static void keep(lookup *l, cache *c, cmp_store_verdict verdict)
{
    if (verdict == CMP_STORE_FOUND) {
        cache_put(c, ici_of(l), l->record, l->begun_ms);
    } else if (verdict == CMP_STORE_ABSENT) {
        cache_put(c, ici_of(l), NULL, l->begun_ms);
    }
}

static cmp_store_verdict ask_as_leader(lookup *l, instance *store, cache *c)
{
    const cmp_store_verdict verdict = ask_store(l, store);
    if (verdict == CMP_STORE_PENDING) {
        return verdict;
    }
    /* A change that came meanwhile may be newer than this answer. */
    if (flight_current(&l->passenger)) {
        keep(l, c, verdict);
    }
    const cmp_store_verdict result =
        verdict == CMP_STORE_UNAVAILABLE ? or_stale(l, store, c) : verdict;
    land(flight_end(&l->passenger), result, l->record);
    return result;
}

static cmp_store_verdict ask_through_cache(lookup *l, instance *store, cache *c)
{
    switch (cache_find(c, ici_of(l), l->begun_ms, &l->record)) {
    case CACHE_FOUND:
        counter_add(store->cache_counters.hits, 1);
        return CMP_STORE_FOUND;
    case CACHE_ABSENT:
        counter_add(store->cache_counters.hits, 1);
        return CMP_STORE_ABSENT;
    case CACHE_MISS:
    case CACHE_STALE:
        break;
    }
    counter_add(store->cache_counters.misses, 1);
    /* Before the ICI is taken: as a passenger's it must outlive what h2o lends. */
    l->asker->ops->keep(l->asker);
    l->passenger.ici = ici_of(l);
    if (flight_join(cache_flights(c), &l->passenger)) {
        return CMP_STORE_PENDING;
    }
    return ask_as_leader(l, store, c);
}

static cmp_store_verdict ask_one(lookup *l, instance *store)
{
    cache *c = store->caches != NULL ? store->caches[l->worker->index] : NULL;
    if (c == NULL) {
        return ask_store(l, store);
    }
    if (l->landed) {
        l->landed = false;
        return l->verdict;
    }
    if (l->passenger.flight != NULL) { /* only a leader comes here before its flight has ended */
        return ask_as_leader(l, store, c);
    }
    return ask_through_cache(l, store, c);
}

cmp_store_verdict lookup_run(lookup *l)
{
    for (; l->at < l->stores->count; l->at++) {
        instance *store = l->stores->at[l->at];
        const cmp_store_verdict verdict = ask_one(l, store);
        if (verdict == CMP_STORE_PENDING) {
            return verdict;
        }
        if (l->told != NULL) {
            l->told(l, store, verdict);
        }
        if (verdict == CMP_STORE_FOUND) {
            return verdict;
        }
        l->failed |= verdict != CMP_STORE_ABSENT;
    }
    /* An ICI that could not be looked for is not unknown: 404 would be kept, and acted on. */
    return l->failed ? CMP_STORE_UNAVAILABLE : CMP_STORE_ABSENT;
}

void lookup_abandon(lookup *l)
{
    for (passenger *p = flight_leave(&l->passenger), *next; p != NULL; p = next) {
        next = p->next;
        lookup *waiter = lookup_of(p);
        waiter->asker->ops->resume(waiter->asker); /* the first of them leads the next flight */
    }
}
