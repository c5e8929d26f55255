/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of entries in one list by use. It grows bit by bit, with each entry that comes: a
 * million moved at once would hold up the worker for 50 ms. */
#include "pipeline/cache.h"

#include "base/hash.h"
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define BUCKETS_FIRST ((size_t)256)
#define MOVED_AT_ONCE                                                                              \
    2 /* buckets: all have moved when half as many entries as they are have come */

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
    entry **buckets, **older; /* of half the size; NULL: all have moved */
    size_t moved;             /* of the older ones, the first: they are empty */
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

/* The one where it is now, or would be. */
static entry **bucket_of(const cache *c, uint64_t hash)
{
    const size_t older = hash & (c->bucket_count / 2 - 1);
    return c->older != NULL && older >= c->moved ? &c->older[older]
                                                 : &c->buckets[hash & (c->bucket_count - 1)];
}

static entry **slot_of(const cache *c, uint64_t hash, cmp_str ici)
{
    entry **slot = bucket_of(c, hash);
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

static void link_to(entry **bucket, entry *e)
{
    e->next = *bucket;
    *bucket = e;
}

static void move_some(cache *c)
{
    for (int n = 0; n < MOVED_AT_ONCE && c->older != NULL; n++) {
        for (entry *e = c->older[c->moved++], *next; e != NULL; e = next) {
            next = e->next;
            link_to(bucket_of(c, e->hash), e);
        }
        if (c->moved == c->bucket_count / 2) {
            free(c->older);
            c->older = NULL;
        }
    }
}

static void grow(cache *c)
{
    c->older = c->buckets;
    c->moved = 0;
    c->bucket_count *= 2;
    c->buckets = kit_calloc(c->bucket_count, sizeof(*c->buckets));
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
    free(c->older);
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
    move_some(c);
    link_to(bucket_of(c, hash), e);
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
