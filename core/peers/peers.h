/* SPDX-License-Identifier: Apache-2.0 */
/* The configured peers: the one place that says who exists. Built with a configuration, and
 * unchanged until its end; all functions but create and adopt may be called on any thread.
 *
 * Peers and their strings live as long as the table. */
#pragma once

#include "base/rate.h"
#include "base/text_set.h"
#include "conf/conf.h"

#include <cmp-kit/prefixes.h>

typedef struct peer {
    cmp_str name;
    cmp_str host; /* absent when the peer only asks */
    cmp_strings prefixes;
    uint64_t interfaces;   /* bit i: it may ask on cmp_interface i */
    kit_prefixes *may_ask; /* of the ICIs that it may ask for; NULL: all */
    text_set forward_to;   /* names of the peers that it may address */
    size_t index;          /* among the peers, in the configuration's order */
    unsigned label;        /* of its name, in every configuration the same: see base/labels.h */
    rate *limit;           /* of its requests; may be shared with tables of other configurations */
} peer;

typedef struct peers peers;

/* The caller's share of a new table. Copies what it needs. */
peers *peers_create(const conf_top *top);

/* Another share; and one given back, which nulls it. The last frees the table; NULL is fine. */
peers *peers_ref(peers *p);
void peers_unref(peers **p);

/* Whether plugins are shown the same of both: names, hosts and prefixes, in the same order. */
bool peers_look_alike(const peers *a, const peers *b);

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

/* Whose the longest routing prefix is that heads an ICI. */
typedef struct prefix_owner {
    peer *peer;  /* NULL: nobody's, or ours */
    bool ours;   /* not when a peer has the same prefix: it is a Split-CMP-Parent's child */
    size_t size; /* the prefix's digits; 0: none heads the ICI */
} prefix_owner;

/* Without regard to case; of several peers with one prefix it is the first. */
prefix_owner peers_prefix_owner(const peers *p, cmp_str ici);

/* Whether the peer's entry allows it to ask for that ICI on that interface (on codes: to read its
 * record). */
bool peer_may_ask(const peer *p, cmp_interface on, cmp_str ici);
