/* The peers to which requests may go on, as copies of the plugin's own. Unchanged once made. */
#pragma once

#include <cmp/host.h>

typedef struct hop {
    cmp_str name;
    cmp_str host; /* in lower case; absent when the peer has none */
} hop;

typedef struct hop_key {
    cmp_str text;
    uint32_t hop;
} hop_key;

typedef struct hops {
    hop *at; /* in the host's order */
    size_t count;
    hop_key *by_name, *by_host; /* sorted */
    size_t host_count;
} hops;

/* Copies the host's peers. Any thread. */
void hops_copy(hops *h, const cmp_host *host);
void hops_free(hops *h);

#define HOP_NONE UINT32_MAX

/* Index of the peer of that name, or of that host in either case; HOP_NONE: there is none. */
uint32_t hop_named(const hops *h, cmp_str name);
uint32_t hop_at_host(const hops *h, cmp_str host);
