/* One flight for each ICI, and what the cache knows; between step_lookup and ask_store. */
#include "pipeline/lookup.h"

#include "observe/counters.h"
#include "pipeline/ask.h"
#include "pipeline/cache.h"
#include "pipeline/pipeline.h"

static cmp_str ici_of(const cmp_txn *t)
{
    return t->message.params[CMP_PARAM_ICI];
}

/* Those who waited go on with what the leader got. */
static void land(cmp_txn *waiters, cmp_store_verdict verdict, const cmp_record *record)
{
    for (cmp_txn *t = waiters, *next; t != NULL; t = next) {
        next = t->flight_next;
        t->flight_landed = true;
        t->flight_verdict = verdict;
        t->ask.answer.record = *record;
        pipeline_run(t);
    }
}

/* A record that is stale is better than none when the store cannot tell. */
static cmp_store_verdict or_stale(cmp_txn *t, const instance *store, cache *c)
{
    const cmp_record *record;
    if (cache_find(c, ici_of(t), t->now_ms, &record) == CACHE_STALE) {
        counter_add(store->cache_counters.stale, 1);
        t->ask.answer.record = *record;
        return CMP_STORE_FOUND;
    }
    return CMP_STORE_UNAVAILABLE;
}

static void keep(cmp_txn *t, cache *c, cmp_store_verdict verdict)
{
    if (verdict == CMP_STORE_FOUND) {
        cache_put(c, ici_of(t), &t->ask.answer.record, t->now_ms);
    } else if (verdict == CMP_STORE_ABSENT) {
        cache_put(c, ici_of(t), NULL, t->now_ms);
    }
}

static cmp_store_verdict ask_as_leader(cmp_txn *t, instance *store, cache *c)
{
    const cmp_store_verdict verdict = ask_store(t, store);
    if (verdict == CMP_STORE_PENDING) {
        return verdict;
    }
    if (cache_flight_current(t)) {
        keep(t, c, verdict);
    }
    const cmp_store_verdict result =
        verdict == CMP_STORE_UNAVAILABLE ? or_stale(t, store, c) : verdict;
    const cmp_record record = t->ask.answer.record;
    land(cache_flight_end(t), result, &record);
    t->ask.answer.record = record;
    return result;
}

static cmp_store_verdict ask_through_cache(cmp_txn *t, instance *store, cache *c)
{
    if (t->flight_landed) {
        t->flight_landed = false;
        return t->flight_verdict;
    }
    const cmp_record *record;
    switch (cache_find(c, ici_of(t), t->now_ms, &record)) {
    case CACHE_FOUND:
        counter_add(store->cache_counters.hits, 1);
        t->ask.answer.record = *record;
        return CMP_STORE_FOUND;
    case CACHE_ABSENT:
        counter_add(store->cache_counters.hits, 1);
        return CMP_STORE_ABSENT;
    case CACHE_MISS:
    case CACHE_STALE:
        break;
    }
    counter_add(store->cache_counters.misses, 1);
    txn_keep(t);
    if (cache_flight_join(c, t)) {
        return CMP_STORE_PENDING;
    }
    return ask_as_leader(t, store, c);
}

cmp_store_verdict lookup_ask(cmp_txn *t, instance *store)
{
    cache *c = store->caches != NULL ? store->caches[t->worker->index] : NULL;
    if (c == NULL) {
        return ask_store(t, store);
    }
    if (t->flight != NULL) { /* only a leader comes here again before its flight has ended */
        return ask_as_leader(t, store, c);
    }
    return ask_through_cache(t, store, c);
}

void lookup_abandon(cmp_txn *t)
{
    for (cmp_txn *waiter = cache_flight_leave(t), *next; waiter != NULL; waiter = next) {
        next = waiter->flight_next;
        pipeline_run(waiter); /* the first of them leads the next flight */
    }
}
