/* SPDX-License-Identifier: Apache-2.0 */
/* The search for networks, once for each request from a balancer or over a dedicated link.
 *
 * They lie sorted by size, and those of one size by address: a search cuts the address to each size
 * that there is, and looks for just that. */
#include <cmp-kit/networks.h>

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define ADDRESS_SIZE 16
#define SIZES        129 /* 0 to 128 bits */

typedef struct network {
    uint8_t address[ADDRESS_SIZE]; /* zero behind its bits */
    uint32_t value;
    uint32_t order; /* as it was given */
    uint8_t bits;
} network;

/* Those of one size. */
typedef struct level {
    size_t begin, end;
    uint8_t bits;
} level;

struct kit_networks {
    network *at;
    level levels[SIZES]; /* the smallest network first */
    size_t level_count;
};

/* ---- building ---- */

static void cut(uint8_t address[ADDRESS_SIZE], unsigned bits)
{
    if (bits < 8 * ADDRESS_SIZE) {
        address[bits / 8] &= (uint8_t)(0xFF00 >> bits % 8);
        memset(address + bits / 8 + 1, 0, ADDRESS_SIZE - 1 - bits / 8);
    }
}

static int order_of(const void *a, const void *b)
{
    const network *x = a, *y = b;
    if (x->bits != y->bits) {
        return x->bits > y->bits ? -1 : 1;
    }
    const int addresses = memcmp(x->address, y->address, ADDRESS_SIZE);
    return addresses != 0 ? addresses : (x->order > y->order) - (x->order < y->order);
}

kit_networks *kit_networks_build(const kit_network *at, size_t count)
{
    kit_networks *n = kit_calloc(1, sizeof(*n));
    n->at = kit_calloc(count, sizeof(*n->at));
    for (size_t i = 0; i < count; i++) {
        network *made = &n->at[i];
        *made = (network){.value = at[i].value, .order = (uint32_t)i, .bits = at[i].net.bits};
        memcpy(made->address, at[i].net.address, ADDRESS_SIZE);
        cut(made->address, made->bits);
    }
    if (count > 0) {
        qsort(n->at, count, sizeof(*n->at), order_of);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || n->at[i].bits != n->at[i - 1].bits) {
            n->levels[n->level_count++] = (level){.begin = i, .bits = n->at[i].bits};
        }
        n->levels[n->level_count - 1].end = i + 1;
    }
    return n;
}

void kit_networks_destroy(kit_networks **n)
{
    if (*n != NULL) {
        free((*n)->at);
        free(*n);
        *n = NULL;
    }
}

/* ---- search ---- */

/* The first of a level that does not lie before the address. */
static size_t place_of(const kit_networks *n, const level *l, const uint8_t address[ADDRESS_SIZE])
{
    size_t begin = l->begin, end = l->end;
    while (begin < end) {
        const size_t middle = begin + (end - begin) / 2;
        if (memcmp(n->at[middle].address, address, ADDRESS_SIZE) < 0) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

uint32_t kit_networks_find(const kit_networks *n, const uint8_t address[ADDRESS_SIZE],
                           bool (*fits)(uint32_t value, void *arg), void *arg)
{
    uint8_t head[ADDRESS_SIZE];
    memcpy(head, address, ADDRESS_SIZE);
    for (size_t i = 0; n != NULL && i < n->level_count; i++) {
        const level *l = &n->levels[i];
        cut(head, l->bits); /* each level has fewer than the one before */
        for (size_t at = place_of(n, l, head);
             at < l->end && memcmp(n->at[at].address, head, ADDRESS_SIZE) == 0; at++) {
            if (fits == NULL || fits(n->at[at].value, arg)) {
                return n->at[at].value;
            }
        }
    }
    return KIT_NETWORK_NONE;
}
