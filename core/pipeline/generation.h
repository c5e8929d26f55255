/* SPDX-License-Identifier: Apache-2.0 */
/* One generation of the configuration, checked and wired: what the pipeline reads and never writes.
 *
 * daemon/build.c makes it, and ends it when no worker is left. */
#pragma once

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
    void *tls;               /* SSL_CTX; NULL: plain */
    kit_networks *balancers; /* NULL: there are none */
    text_set cors;           /* mc-1: origins of web pages that may ask */
    sources *sources;        /* what one address may: connections, and requests on MC-1 */
} listener;

/* Whether a connection or a request from that address is a balancer's. */
static inline bool listener_has_balancer(const listener *l, const uint8_t address[16])
{
    return kit_networks_find(l->balancers, address, NULL, NULL) != KIT_NETWORK_NONE;
}

/* How requests get to a peer. */
typedef struct way {
    const conf_peer *conf;
    origin **urls; /* in the order in which they are tried */
    size_t url_count;
    instance *signer; /* NULL: unsigned, over a dedicated link */
} way;

typedef struct generation {
    conf *conf;
    pthread_mutex_t keyring_lock;
    keyring *keyring; /* the newest; NULL: none was configured. Others than the control thread ask
                         for a share of it */
    peers *peers;
    instance *instances; /* conf->plugins, in their order */
    size_t instance_count;
    listener *listeners; /* conf->top.listeners, in their order */
    size_t listener_count;
    chain stores, routes;
    instance *writable; /* the store that the interface codes writes to; NULL: none */
    way *ways;          /* by peer.index; without URLs: the peer only asks */
    bool forwards;      /* some peer has a URL */
    cmp_str host;       /* our own; absent when the configuration names none */
    kit_arena memory;
} generation;

/* A share of the newest keyring; NULL: there is none. Any thread. */
keyring *generation_keyring(generation *g);

/* Puts `fresh`, whose share is handed over, in the old one's place, and tells the instances.
 * Workers go on with the old one until each takes the new (worker_take_keyring). Control thread. */
void generation_replace_keyring(generation *g, keyring *fresh);
