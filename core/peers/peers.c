/* SPDX-License-Identifier: Apache-2.0 */
/* Asked on the request's way for who may ask (authorise) and where to (address, route). */
#include "peers/peers.h"

#include "base/hash.h"
#include "base/labels.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <stdlib.h>

#define BURST_MS      1000 /* a second's worth of requests may come at once */
#define HOST_SIZE_MAX 253
#define OURS          (KIT_PREFIX_NONE - 1) /* behind every peer's */

/* A rate outlives the table that made it when a younger table has adopted it. */
typedef struct shared_rate {
    rate limit; /* first: peer.limit points here */
    _Atomic unsigned refs;
} shared_rate;

struct peers {
    _Atomic unsigned shares;
    peer *at;
    size_t count;
    size_t mask;                 /* of both hash tables; a power of two, less one */
    uint32_t *by_name, *by_host; /* index + 1; 0: free */
    kit_prefixes *by_prefix;     /* of indices, or OURS */
    kit_arena memory;
};

/* ---- hash tables ---- */

static uint64_t hash_fold(cmp_str text)
{
    char lower[HOST_SIZE_MAX];
    for (size_t i = 0; i < text.size; i++) {
        lower[i] = kit_ascii_lower(text.at[i]);
    }
    return hash_octets(lower, text.size);
}

/* The tables are at most half full, so every search meets a free slot. */
peer *peers_find(const peers *p, cmp_str name)
{
    for (size_t slot = hash_str(name) & p->mask; p->by_name[slot] != 0;
         slot = (slot + 1) & p->mask) {
        peer *found = &p->at[p->by_name[slot] - 1];
        if (cmp_str_equal(found->name, name)) {
            return found;
        }
    }
    return NULL;
}

peer *peers_by_host(const peers *p, cmp_str host)
{
    if (host.size == 0 || host.size > HOST_SIZE_MAX) {
        return NULL;
    }
    for (size_t slot = hash_fold(host) & p->mask; p->by_host[slot] != 0;
         slot = (slot + 1) & p->mask) {
        peer *found = &p->at[p->by_host[slot] - 1];
        if (kit_ascii_equal_fold(found->host, host)) {
            return found;
        }
    }
    return NULL;
}

/* No look at what is there already: of peers with one host all get in, and the first, which lies
 * nearest to its hash, is found. */
static void table_add(const peers *p, uint32_t *table, uint64_t hash, size_t index)
{
    size_t slot = hash & p->mask;
    while (table[slot] != 0) {
        slot = (slot + 1) & p->mask;
    }
    table[slot] = (uint32_t)(index + 1);
}

/* ---- making ---- */

/* What is no prefix was reported when the configuration was checked, and is passed over. */
static void add_prefixes(kit_prefix_list *l, const cmp_strings *texts, uint32_t owner)
{
    kit_prefix added = {.value = owner, .order = owner};
    for (size_t i = 0; i < texts->count; i++) {
        if (kit_prefix_read(cmp_str_from(texts->at[i]), &added.digits)) {
            kit_prefixes_add(l, &added);
        }
    }
}

static kit_prefixes *index_of(const cmp_strings *texts)
{
    kit_prefix_list l = {.count = 0};
    add_prefixes(&l, texts, 0);
    kit_prefixes *made = kit_prefixes_build(&l, NULL);
    kit_prefixes_free(&l);
    return made;
}

/* The table outlives its configuration in instances that are carried over to the next. */
static const char *copy_text(const char *text, kit_arena *memory)
{
    return text != NULL ? kit_arena_text(memory, cmp_str_from(text)) : NULL;
}

static cmp_strings copy_texts(const cmp_strings *texts, kit_arena *memory)
{
    const char **at = kit_arena_calloc(memory, texts->count, sizeof(*at));
    for (size_t i = 0; i < texts->count; i++) {
        at[i] = copy_text(texts->at[i], memory);
    }
    return (cmp_strings){at, texts->count};
}

static void fill(peer *p, const conf_peer *from, size_t index, kit_arena *memory)
{
    const cmp_strings forward_to = copy_texts(&from->allow.forward_to, memory);
    shared_rate *shared = kit_alloc(sizeof(*shared));
    rate_init(&shared->limit, from->rate, BURST_MS);
    atomic_init(&shared->refs, 1);
    *p = (peer){.name = cmp_str_from(copy_text(from->name, memory)),
                .host = cmp_str_from(copy_text(from->host, memory)),
                .prefixes = copy_texts(&from->prefixes, memory),
                .interfaces = from->allow.interfaces,
                .forward_to = text_set_make(&forward_to, memory),
                .index = index,
                .label = label_make(cmp_str_from(from->name)),
                .limit = &shared->limit};
    if (from->allow.prefixes.count > 0) {
        p->may_ask = index_of(&from->allow.prefixes);
    }
}

/* The last to let go frees: whatever others did with the rate has to be seen by then, hence acquire
 * and release. */
static void rate_unref(rate *limit)
{
    shared_rate *shared = (shared_rate *)limit;
    if (atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) == 1) {
        free(shared);
    }
}

peers *peers_create(const conf_top *top)
{
    peers *p = kit_calloc(1, sizeof(*p));
    atomic_init(&p->shares, 1);
    size_t slots = 4;
    while (slots < 2 * top->peers.count) {
        slots *= 2;
    }
    p->mask = slots - 1;
    p->by_name = kit_calloc(slots, sizeof(*p->by_name));
    p->by_host = kit_calloc(slots, sizeof(*p->by_host));
    p->count = top->peers.count;
    p->at = kit_calloc(p->count, sizeof(*p->at));
    kit_arena_init(&p->memory, NULL, 0);
    kit_prefix_list prefixes = {.count = 0};
    for (size_t i = 0; i < p->count; i++) {
        peer *added = &p->at[i];
        fill(added, (const conf_peer *)top->peers.at + i, i, &p->memory);
        add_prefixes(&prefixes, &added->prefixes, (uint32_t)i);
        table_add(p, p->by_name, hash_str(added->name), i);
        if (added->host.size != 0 && added->host.size <= HOST_SIZE_MAX) {
            table_add(p, p->by_host, hash_fold(added->host), i);
        }
    }
    add_prefixes(&prefixes, &top->cmp.prefixes, OURS);
    p->by_prefix = kit_prefixes_build(&prefixes, NULL);
    kit_prefixes_free(&prefixes);
    return p;
}

peers *peers_ref(peers *p)
{
    atomic_fetch_add_explicit(&p->shares, 1, memory_order_relaxed);
    return p;
}

static void peers_free(peers *p)
{
    for (size_t i = 0; i < p->count; i++) {
        label_drop(p->at[i].label);
        rate_unref(p->at[i].limit);
        kit_prefixes_destroy(&p->at[i].may_ask);
    }
    kit_prefixes_destroy(&p->by_prefix);
    kit_arena_reset(&p->memory);
    free(p->at);
    free(p->by_name);
    free(p->by_host);
    free(p);
}

void peers_unref(peers **p)
{
    if (*p != NULL && atomic_fetch_sub_explicit(&(*p)->shares, 1, memory_order_acq_rel) == 1) {
        peers_free(*p);
    }
    *p = NULL;
}

static bool same_prefixes(const cmp_strings *a, const cmp_strings *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->at[i], b->at[i]) == 0;
    }
    return same;
}

bool peers_look_alike(const peers *a, const peers *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const peer *one = &a->at[i], *other = &b->at[i];
        same = cmp_str_equal(one->name, other->name) && cmp_str_equal(one->host, other->host) &&
               same_prefixes(&one->prefixes, &other->prefixes);
    }
    return same;
}

/* A rate with another interval cannot go on: its word counts in intervals. */
void peers_adopt(peers *p, const peers *older)
{
    for (size_t i = 0; i < p->count; i++) {
        peer *to = &p->at[i];
        const peer *from = peers_find(older, to->name);
        if (from != NULL && from->limit->interval_ns == to->limit->interval_ns) {
            shared_rate *shared = (shared_rate *)from->limit;
            atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
            rate_unref(to->limit);
            to->limit = from->limit;
        }
    }
}

size_t peers_count(const peers *p)
{
    return p->count;
}

peer *peers_at(const peers *p, size_t index)
{
    return index < p->count ? &p->at[index] : NULL;
}

/* ---- prefixes ---- */

prefix_owner peers_prefix_owner(const peers *p, cmp_str ici)
{
    unsigned size;
    const uint32_t found = kit_prefixes_find(p->by_prefix, ici, &size);
    const bool ours = found == OURS;
    return (
        prefix_owner){.peer = size == 0 || ours ? NULL : &p->at[found], .ours = ours, .size = size};
}

bool peer_may_ask(const peer *p, cmp_interface on, cmp_str ici)
{
    unsigned size;
    return interface_in(p->interfaces, on) &&
           (p->may_ask == NULL || kit_prefixes_find(p->may_ask, ici, &size) != KIT_PREFIX_NONE);
}
