/* SPDX-License-Identifier: Apache-2.0 */
/* One generation of the configuration, checked and wired: what the pipeline reads and never writes.
 *
 * daemon/build.c makes it, and ends it when no worker has it any more: each lets it go when it has
 * a newer one and its last transaction of this one has ended (worker.h). */
#pragma once

#include "base/groups.h"
#include "base/likeness.h"
#include "conf/conf.h"
#include "outbound/outbound.h"
#include "peers/keyring.h"
#include "peers/peers.h"
#include "peers/sources.h"
#include "plugin/instance.h"

#include <cmp-kit/networks.h>
#include <pthread.h>

/* Plugin instances in the order in which they are asked. */
typedef struct chain {
    instance **at;
    size_t count;
} chain;

/* Names of header fields, in lower case; each once. */
typedef struct asked_fields {
    cmp_str *names;
    size_t count;
} asked_fields;

/* Where one interface of a listener is found. */
typedef struct listener_path {
    cmp_str path;
    cmp_interface interface;
} listener_path;

typedef struct listener_tls listener_tls; /* http/tls.h */

typedef struct listener {
    const conf_listener *conf;
    cmp_str name;
    chain auth;
    asked_fields fields;    /* that its auth chain wants to see; none: NULL and 0 */
    cmp_str challenge;      /* of a 401 */
    bool wants_certificate; /* it wants to see the client's certificate */
    listener_path paths[CMP_INTERFACE_MAX];
    size_t path_count;
    cmp_str codes;           /* what paths of the interface codes begin with; absent: not offered */
    listener_tls *tls;       /* a share; NULL: plain */
    kit_networks *balancers; /* NULL: there are none */
    text_set cors;           /* mc-1: origins of web pages that may ask */
    likeness tls_likeness;   /* of the settings that it goes by */

    /* A share of what one address may: connections, and requests on MC-1. NULL until the generation
     * is adopted (http/server.h). */
    sources *sources;
} listener;

/* Whether a connection or a request from that address is a balancer's. */
static inline bool listener_has_balancer(const listener *l, const uint8_t address[16])
{
    return kit_networks_find(l->balancers, address, NULL, NULL) != KIT_NETWORK_NONE;
}

/* How requests get to a peer. */
typedef struct way {
    const conf_peer *conf;
    origin **urls;        /* in the order in which they are tried */
    likeness *likenesses; /* of what each of them is made of */
    size_t url_count;
    instance *signer; /* NULL: unsigned, over a dedicated link */
} way;

typedef struct generation generation;
struct generation {
    conf *conf;
    pthread_mutex_t keyring_lock;
    keyring *keyring; /* the newest; NULL: none was configured. Others than the control thread ask
                         for a share of it */
    peers *peers;
    instance **instances; /* conf->plugins, in their order; a share of each */
    size_t instance_count;
    listener *listeners; /* conf->top.listeners, in their order */
    size_t listener_count;
    chain stores, routes;
    instance *writable;        /* the store that the interface codes writes to; NULL: none */
    way *ways;                 /* by peer.index; without URLs: the peer only asks */
    cmp_str host;              /* our own; absent when the configuration names none */
    groups operators, readers; /* see admin/rights.h; in `memory` */
    kit_arena memory;

    /* the control thread's */
    void *holder;            /* who has the list of those that live */
    struct outline *outline; /* daemon/outline.h; in `memory` */
    unsigned tenures;        /* workers that have it, or are about to */
    generation *older;       /* the next in the list of those that live */
    uint64_t in_force_ms;    /* since when; clock_monotonic_ms */
    int64_t in_force_at_ms;  /* the same moment in Unix time */
};

/* A share of the newest keyring; NULL: there is none. Any thread. */
keyring *generation_keyring(generation *g);

/* Puts `fresh` (NULL: none), whose share is handed over, in the place of all keyrings of the newest
 * generation and of those before it that still live, and tells the instances that have another.
 * Workers go on with the old one until each takes the new (worker_take_keyring). Control thread. */
void generation_replace_keyring(generation *newest, keyring *fresh);

/* The instance of that name; NULL: there is none. */
instance *generation_find(const generation *g, const char *name);
