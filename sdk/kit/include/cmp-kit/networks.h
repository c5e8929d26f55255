/* SPDX-License-Identifier: Apache-2.0 */
/* Networks, searched for those that hold an address, the smallest first. What a search costs grows
 * with how many different sizes the networks have, and hardly with how many there are. */
#pragma once

#include <cmp/option.h>

__BEGIN_DECLS

/* One network, and what is found by it. */
typedef struct kit_network {
    cmp_cidr net;
    uint32_t value; /* not KIT_NETWORK_NONE */
} kit_network;

#define KIT_NETWORK_NONE UINT32_MAX

/* Immutable once built, so any thread may search. */
typedef struct kit_networks kit_networks;

/* Copies what it is built from; any network may come more than once. The caller's, to be ended with
 * kit_networks_destroy. */
kit_networks *kit_networks_build(const kit_network *at, size_t count);

/* Frees *n, and nulls it; NULL is fine. */
void kit_networks_destroy(kit_networks **n);

/* The value of the smallest network that holds the address and that `fits`; of equal networks the
 * first that was given. KIT_NETWORK_NONE when there is none. Without `fits` every network does; `n`
 * may be NULL, and holds nothing. */
uint32_t kit_networks_find(const kit_networks *n, const uint8_t address[16],
                           bool (*fits)(uint32_t value, void *arg), void *arg);

__END_DECLS
