/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of entries in one list by use. */
#include "pipeline/cache.h"

#include "base/hash.h"
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define BUCKETS_FIRST ((size_t)256)

typedef struct entry entry;
struct entry {
    entry *next; /* in its bucket */
    entry *newer, *older;
    uint64_t hash;
    size_t size_bytes;
    int64_t fresh_until_ms, stale_until_ms;
    uint64_t epoch; /* the cache's, when this was kept */
    cmp_str ici;
    bool found;
    cmp_record record; /* its octets lie behind this struct */
};

struct cache {
    instance_cache settings;
    instance_cached *shown;
    entry **buckets;
    size_t bucket_count, entry_count, size_bytes;
    uint64_t epoch;     /* how often all was expired */
    int64_t expired_ms; /* the last time; nothing older than that is fresh */
    entry *newest, *oldest;
    flights flights;
};

cache *cache_create(const instance_cache *settings, instance_cached *shown)
{
    cache *c = kit_calloc(1, sizeof(*c));
    c->settings = *settings;
    c->shown = shown;
    c->bucket_count = BUCKETS_FIRST;
    c->buckets = kit_calloc(c->bucket_count, sizeof(*c->buckets));
    return c;
}

/* ---- the list by use ---- */

static void list_remove(cache *c, entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &c->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &c->oldest) = e->newer;
}

static void list_add(cache *c, entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest != NULL ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

/* ---- the table ---- */

static entry **slot_of(const cache *c, uint64_t hash, cmp_str ici)
{
    entry **slot = &c->buckets[hash & (c->bucket_count - 1)];
    while (*slot != NULL && ((*slot)->hash != hash || !cmp_str_equal((*slot)->ici, ici))) {
        slot = &(*slot)->next;
    }
    return slot;
}

static void show(const cache *c)
{
    atomic_store_explicit(&c->shown->entries, c->entry_count, memory_order_relaxed);
    atomic_store_explicit(&c->shown->size_bytes, c->size_bytes, memory_order_relaxed);
}

static void entry_remove(cache *c, entry **slot)
{
    entry *e = *slot;
    *slot = e->next;
    list_remove(c, e);
    c->entry_count--;
    c->size_bytes -= e->size_bytes;
    free(e);
}

static void grow(cache *c)
{
    entry **old = c->buckets;
    const size_t old_count = c->bucket_count;
    c->bucket_count *= 2;
    c->buckets = kit_calloc(c->bucket_count, sizeof(*c->buckets));
    for (size_t i = 0; i < old_count; i++) {
        for (entry *e = old[i], *next; e != NULL; e = next) {
            next = e->next;
            e->next = c->buckets[e->hash & (c->bucket_count - 1)];
            c->buckets[e->hash & (c->bucket_count - 1)] = e;
        }
    }
    free(old);
}

void cache_destroy(cache **c_ref)
{
    cache *c = *c_ref;
    if (c == NULL) {
        return;
    }
    while (c->oldest != NULL) {
        entry_remove(c, slot_of(c, c->oldest->hash, c->oldest->ici));
    }
    free(c->buckets);
    free(c);
    *c_ref = NULL;
}

/* ---- entries: one block, the strings behind the arrays behind the struct ---- */

static size_t record_octets(const cmp_record *r)
{
    size_t size = r->content.size + r->content_type.size + r->transferred_to.size;
    for (size_t v = 0; v < r->variant_count; v++) {
        const cmp_variant *variant = &r->variants[v];
        size += variant->content.size + variant->content_type.size;
        for (size_t i = 0; i < variant->condition_count; i++) {
            size += variant->conditions[i].name.size + variant->conditions[i].value.size;
        }
    }
    return size;
}

static size_t record_arrays(const cmp_record *r)
{
    size_t size = r->variant_count * sizeof(cmp_variant);
    for (size_t v = 0; v < r->variant_count; v++) {
        size += r->variants[v].condition_count * sizeof(cmp_condition);
    }
    return size;
}

static cmp_str take(char **to, cmp_str text)
{
    if (text.at == NULL) {
        return CMP_NONE;
    }
    memcpy(*to, text.at, text.size);
    const cmp_str copy = {*to, text.size};
    *to += text.size;
    return copy;
}

static void record_copy(cmp_record *to, const cmp_record *from, void *arrays, char **octets)
{
    cmp_variant *variants = arrays;
    cmp_condition *conditions = (cmp_condition *)(variants + from->variant_count);
    *to = *from;
    to->content = take(octets, from->content);
    to->content_type = take(octets, from->content_type);
    to->transferred_to = take(octets, from->transferred_to);
    to->variants = variants;
    for (size_t v = 0; v < from->variant_count; v++) {
        variants[v] = from->variants[v];
        variants[v].content = take(octets, from->variants[v].content);
        variants[v].content_type = take(octets, from->variants[v].content_type);
        variants[v].conditions = conditions;
        for (size_t i = 0; i < variants[v].condition_count; i++) {
            const cmp_condition *condition = &from->variants[v].conditions[i];
            *conditions++ = (cmp_condition){.name = take(octets, condition->name),
                                            .value = take(octets, condition->value)};
        }
    }
}

static entry *entry_make(cmp_str ici, const cmp_record *record)
{
    const size_t arrays = record != NULL ? record_arrays(record) : 0;
    const size_t octets = ici.size + (record != NULL ? record_octets(record) : 0);
    const size_t size = sizeof(entry) + arrays + octets;
    entry *e = kit_alloc(size);
    *e = (entry){.size_bytes = size, .found = record != NULL};
    char *to = (char *)(e + 1) + arrays;
    e->ici = take(&to, ici);
    if (record != NULL) {
        record_copy(&e->record, record, e + 1, &to);
    }
    return e;
}

/* An entry that was expired has its stale time from then on, but no more than it would have had. */
static cache_state state_of(const cache *c, const entry *e, int64_t now_ms)
{
    const bool expired = e->epoch != c->epoch;
    if (!expired && now_ms < e->fresh_until_ms) {
        return e->found ? CACHE_FOUND : CACHE_ABSENT;
    }
    const bool too_old =
        now_ms >= e->stale_until_ms || (expired && now_ms >= c->expired_ms + c->settings.stale_ms);
    return e->found && !too_old ? CACHE_STALE : CACHE_MISS;
}

cache_state cache_find(cache *c, cmp_str ici, int64_t now_ms, const cmp_record **record)
{
    entry *e = *slot_of(c, hash_str(ici), ici);
    const cache_state state = e != NULL ? state_of(c, e, now_ms) : CACHE_MISS;
    if (state != CACHE_MISS) {
        list_remove(c, e);
        list_add(c, e);
        *record = &e->record;
    }
    return state;
}

void cache_put(cache *c, cmp_str ici, const cmp_record *record, int64_t now_ms)
{
    const uint64_t hash = hash_str(ici);
    entry **slot = slot_of(c, hash, ici);
    if (*slot != NULL) {
        entry_remove(c, slot);
    }
    const int64_t ttl_ms = record != NULL ? c->settings.ttl_ms : c->settings.negative_ttl_ms;
    /* The old entry has gone all the same: the store has just said something else. */
    if (ttl_ms == 0) {
        show(c);
        return;
    }
    entry *e = entry_make(ici, record);
    e->hash = hash;
    e->epoch = c->epoch;
    e->fresh_until_ms = now_ms + ttl_ms;
    /* An absence is never used when it is stale: the code may exist by now. */
    e->stale_until_ms = e->fresh_until_ms + (record != NULL ? c->settings.stale_ms : 0);
    if (c->entry_count >= c->bucket_count) {
        grow(c);
    }
    slot = &c->buckets[hash & (c->bucket_count - 1)];
    e->next = *slot;
    *slot = e;
    list_add(c, e);
    c->entry_count++;
    c->size_bytes += e->size_bytes;
    /* Bounded by octets, not by entries: a record with variants may be many times as large as
     * another. One that is larger than the whole cache throws itself out. */
    while (c->size_bytes > c->settings.size_bytes) {
        entry_remove(c, slot_of(c, c->oldest->hash, c->oldest->ici));
        counter_add(c->settings.displaced, 1);
    }
    show(c);
}

void cache_drop(cache *c, cmp_str ici)
{
    /* The entry alone is not enough: a flight that began before the change would put the old record
     * back. */
    flights_outdate(&c->flights, ici);
    entry **slot = slot_of(c, hash_str(ici), ici);
    if (*slot != NULL) {
        entry_remove(c, slot);
        show(c);
    }
}

void cache_expire(cache *c, int64_t now_ms)
{
    flights_outdate(&c->flights, CMP_NONE);
    /* A number in place of a walk over all entries, which would hold up the worker. */
    c->epoch++;
    c->expired_ms = now_ms;
}

flights *cache_flights(cache *c)
{
    return &c->flights;
}
