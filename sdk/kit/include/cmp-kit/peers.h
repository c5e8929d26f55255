/* SPDX-License-Identifier: Apache-2.0 */
/* The host's peers as copies of the plugin's own, found by name or by host. */
#pragma once

#include <cmp/host.h>

__BEGIN_DECLS

typedef struct kit_peer {
    cmp_str name;
    cmp_str host; /* in lower case; absent when the peer has none */
} kit_peer;

typedef struct kit_peer_key {
    cmp_str text;
    uint32_t peer;
} kit_peer_key;

/* Unchanged once made, so any thread may search it; all in it lives until kit_peers_free. */
typedef struct kit_peers {
    kit_peer *at; /* in the host's order */
    size_t count;
    kit_peer_key *by_name, *by_host; /* sorted */
    size_t host_count;
} kit_peers;

/* Copies the host's peers; *p was empty or is not initialised. Needs CMP_SERVICE_PEERS. Any thread.
 */
void kit_peers_copy(kit_peers *p, const cmp_host *host);

/* Frees the copies, and leaves *p empty, which is what one of zeros is. */
void kit_peers_free(kit_peers *p);

#define KIT_PEER_NONE UINT32_MAX

/* Index in p->at of the peer of that name, or of that host in either case; KIT_PEER_NONE: there is
 * none. */
uint32_t kit_peers_named(const kit_peers *p, cmp_str name);
uint32_t kit_peers_at_host(const kit_peers *p, cmp_str host);

__END_DECLS
