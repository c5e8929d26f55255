/* Copies of the peers' names and hosts, found by either. */
#include "hops.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

enum { HOST_SIZE_MAX = 253 };

/* ---- copies ---- */

static void count_one(const cmp_peer *peer, void *arg)
{
    (void)peer;
    size_t *count = arg;
    (*count)++;
}

static void lower(char *to, cmp_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.at[i];
        to[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
}

/* One block holds both texts; it begins at `name.at`. */
static void take_one(const cmp_peer *peer, void *arg)
{
    hops *h = arg;
    hop *taken = &h->at[h->count];
    char *name = kit_alloc(peer->name.size + peer->host.size + 1);
    memcpy(name, peer->name.at, peer->name.size);
    taken->name = (cmp_str){name, peer->name.size};
    if (peer->host.size > 0) {
        lower(name + peer->name.size, peer->host);
        taken->host = (cmp_str){name + peer->name.size, peer->host.size};
        h->by_host[h->host_count++] = (hop_key){taken->host, (uint32_t)h->count};
    }
    h->by_name[h->count] = (hop_key){taken->name, (uint32_t)h->count};
    h->count++;
}

static int order_of(const void *a, const void *b)
{
    const cmp_str x = ((const hop_key *)a)->text, y = ((const hop_key *)b)->text;
    if (x.size != y.size) {
        return x.size < y.size ? -1 : 1;
    }
    return memcmp(x.at, y.at, x.size);
}

void hops_copy(hops *h, const cmp_host *host)
{
    size_t count = 0;
    host->peer_each(host, count_one, &count);
    *h = (hops){
        .at = kit_calloc(count + 1, sizeof(hop)),
        .by_name = kit_calloc(count + 1, sizeof(hop_key)),
        .by_host = kit_calloc(count + 1, sizeof(hop_key)),
    };
    host->peer_each(host, take_one, h);
    qsort(h->by_name, h->count, sizeof(hop_key), order_of);
    qsort(h->by_host, h->host_count, sizeof(hop_key), order_of);
}

void hops_free(hops *h)
{
    for (size_t i = 0; i < h->count; i++) {
        free((char *)(uintptr_t)h->at[i].name.at);
    }
    free(h->at);
    free(h->by_name);
    free(h->by_host);
    *h = (hops){.count = 0};
}

/* ---- found by name or host ---- */

static uint32_t find(const hop_key *keys, size_t count, cmp_str text)
{
    const hop_key wanted = {.text = text};
    const hop_key *found = bsearch(&wanted, keys, count, sizeof(wanted), order_of);
    return found != NULL ? found->hop : HOP_NONE;
}

uint32_t hop_named(const hops *h, cmp_str name)
{
    return name.size > 0 ? find(h->by_name, h->count, name) : HOP_NONE;
}

uint32_t hop_at_host(const hops *h, cmp_str host)
{
    char folded[HOST_SIZE_MAX];
    if (host.size == 0 || host.size > sizeof(folded)) {
        return HOP_NONE;
    }
    lower(folded, host);
    return find(h->by_host, h->host_count, (cmp_str){folded, host.size});
}
