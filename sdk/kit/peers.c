/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of the peers' names and hosts, found by either. */
#include <cmp-kit/peers.h>

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <stdlib.h>

/* A domain name has 255 octets on the wire (RFC 1035, 2.3.4); as text that is 253. */
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
        to[i] = kit_ascii_lower(text.at[i]);
    }
}

/* One block holds both texts; it begins at `name.at`. */
static void take_one(const cmp_peer *peer, void *arg)
{
    kit_peers *p = arg;
    kit_peer *taken = &p->at[p->count];
    char *name = kit_alloc(peer->name.size + peer->host.size + 1);
    memcpy(name, peer->name.at, peer->name.size);
    taken->name = (cmp_str){name, peer->name.size};
    if (peer->host.size > 0) {
        lower(name + peer->name.size, peer->host);
        taken->host = (cmp_str){name + peer->name.size, peer->host.size};
        p->by_host[p->host_count++] = (kit_peer_key){taken->host, (uint32_t)p->count};
    }
    p->by_name[p->count] = (kit_peer_key){taken->name, (uint32_t)p->count};
    p->count++;
}

/* By size first, as nobody sees the order: most comparisons end there. */
static int order_of(const void *a, const void *b)
{
    const cmp_str x = ((const kit_peer_key *)a)->text, y = ((const kit_peer_key *)b)->text;
    if (x.size != y.size) {
        return x.size < y.size ? -1 : 1;
    }
    return memcmp(x.at, y.at, x.size);
}

void kit_peers_copy(kit_peers *p, const cmp_host *host)
{
    size_t count = 0;
    host->peer_each(host, count_one, &count);
    *p = (kit_peers){
        .at = kit_calloc(count, sizeof(kit_peer)),
        .by_name = kit_calloc(count, sizeof(kit_peer_key)),
        .by_host = kit_calloc(count, sizeof(kit_peer_key)),
    };
    host->peer_each(host, take_one, p);
    qsort(p->by_name, p->count, sizeof(kit_peer_key), order_of);
    qsort(p->by_host, p->host_count, sizeof(kit_peer_key), order_of);
}

void kit_peers_free(kit_peers *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free((char *)(uintptr_t)p->at[i].name.at);
    }
    free(p->at);
    free(p->by_name);
    free(p->by_host);
    *p = (kit_peers){.count = 0};
}

/* ---- found by name or host ---- */

static uint32_t find(const kit_peer_key *keys, size_t count, cmp_str text)
{
    const kit_peer_key wanted = {.text = text};
    const kit_peer_key *found =
        count > 0 ? bsearch(&wanted, keys, count, sizeof(wanted), order_of) : NULL;
    return found != NULL ? found->peer : KIT_PEER_NONE;
}

uint32_t kit_peers_named(const kit_peers *p, cmp_str name)
{
    return name.size > 0 ? find(p->by_name, p->count, name) : KIT_PEER_NONE;
}

uint32_t kit_peers_at_host(const kit_peers *p, cmp_str host)
{
    char folded[HOST_SIZE_MAX];
    if (host.size == 0 || host.size > sizeof(folded)) {
        return KIT_PEER_NONE;
    }
    lower(folded, host);
    return find(p->by_host, p->host_count, (cmp_str){folded, host.size});
}
