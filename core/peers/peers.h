/* The configured peers: the one place that says who exists. Built with a configuration, and
 * unchanged until its end; all functions but create, adopt and destroy may be called on any thread.
 *
 * Peers live as long as the table, strings as long as the configuration. */
#pragma once

#include "base/rate.h"
#include "conf/conf.h"

typedef struct peer {
    cmp_str name;
    cmp_str host; /* absent when the peer only asks */
    cmp_strings prefixes;
    conf_allow allow;
    size_t index; /* among the peers, in the configuration's order */
    rate *limit;  /* of its requests; may be shared with tables of other configurations */
} peer;

typedef struct peers peers;

/* Borrows strings and lists from the configuration, which outlives the table. */
peers *peers_create(const conf_top *top);
void peers_destroy(peers **p);

/* Has peers of the same name and rate go on with the rate of an older table, so that a reload gives
 * nobody a second burst. Control thread, before the new table is in use; the older one stays in
 * use. */
void peers_adopt(peers *p, const peers *older);

/* NULL when there is none. Host names are compared without regard to case; of several peers with
 * one host the first is found. */
peer *peers_find(const peers *p, cmp_str name);
peer *peers_by_host(const peers *p, cmp_str host);

size_t peers_count(const peers *p);
peer *peers_at(const peers *p, size_t index);

/* The peer with the longest routing prefix that heads the ICI; *matched (may be NULL) is that
 * prefix's length. Of equals the first. NULL and 0 when there is none. */
peer *peers_by_prefix(const peers *p, cmp_str ici, size_t *matched);

/* Length of the longest prefix that heads the ICI, without regard to case; 0: none does. */
size_t prefix_longest(cmp_strings prefixes, cmp_str ici);

/* Whether the peer's entry allows it to ask for that ICI on that interface (on codes: to read its
 * record). */
bool peer_may_ask(const peer *p, cmp_interface on, cmp_str ici);
