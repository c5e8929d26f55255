/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline without HTTP: scripted plugins, one worker on the test's thread, captured answers. */
#pragma once

#include "pipeline/pipeline.h"

enum {
    RIG_PLUGINS = 3 /* of each kind */
};

/* What a scripted plugin does when it is asked. */
typedef enum rig_how {
    RIG_AT_ONCE,
    RIG_INSIDE,            /* PENDING, but completed before it returns */
    RIG_LATER,             /* PENDING; rig_complete completes it */
    RIG_BLOCKING,          /* on the pool */
    RIG_BLOCKING_COMPLETES /* on the pool, and completes before it returns, which it may not */
} rig_how;

typedef struct rig_plugin rig_plugin;
struct rig_plugin {
    cmp_plugin descriptor;
    cmp_auth_ops auth_ops; /* of an auth plugin */
    rig_how how;
    void (*look)(rig_plugin *p, cmp_op op); /* called when it is asked; may be NULL */
    int verdict;
    cmp_auth_answer auth;
    cmp_record record;
    cmp_route_answer route;
    _Atomic unsigned asked;
    unsigned cancelled, turn_ends, prefetched;
    const cmp_host *host;
    cmp_op op; /* pending */
    bool saw;  /* RIG_BLOCKING_COMPLETES: it was shown the request */
    cmp_str target;
    cmp_route_reason reason;
};

typedef struct rig {
    conf conf;
    conf_peer peer_rows[2];
    listener listener;
    generation generation;
    instance instances[3 * RIG_PLUGINS];
    instance *instance_list[3 * RIG_PLUGINS];
    instance *auth_chain[RIG_PLUGINS], *store_chain[RIG_PLUGINS], *route_chain[RIG_PLUGINS];
    instance_site site;
    loop *loop;
    process process;
    worker worker;
    way ways[2];
    void *caches[1]; /* of the first store, when a test gives it one */
    rig_plugin auth[RIG_PLUGINS], stores[RIG_PLUGINS], routes[RIG_PLUGINS];

    /* what requests bring beside their message */
    cmp_pair *headers;
    size_t header_count;
    const cmp_certificate *certificate;

    /* the last answer */
    unsigned answers;
    int status;
    unsigned retry_after_s;
    char body[4096];
    unsigned kept;
    txn *last; /* valid while it is not answered */
} rig;

/* Two peers, "b" (may forward to "c") and "c" at c.example.net; own host a.example.net with prefix
 * 1A0F1; one auth plugin that accepts "b", one store that finds nothing, no routes. */
void rig_init(rig *r);
void rig_dispose(rig *r);

/* The same as fixtures of cmocka; their state is the rig. What is logged is errors alone. */
int rig_set_up(void **state);
int rig_tear_down(void **state);

/* Sets how many plugins of each kind are in use; before the first request. */
void rig_use(rig *r, size_t auths, size_t stores, size_t routes);

/* Sends a message; rig_ask in form carriage. */
void rig_send(rig *r, carriage how, cmp_str text);
void rig_ask(rig *r, const char *text);

/* Sends a list of ICIs on the interface codes, with a token, or (absent) for the auth plugins. */
void rig_send_list(rig *r, cmp_str bearer, cmp_str body);

/* A whole message, in form carriage. */
#define RIG_GOOD "tid=t-1&ici=1A0F1-1&user=u"

/* Fails when the last answer is another one, or its body has no such part. */
void rig_expect(const rig *r, int status, const char *part);

/* Completes the pending operation of a plugin. */
void rig_complete(rig_plugin *p);

/* Turns the loop until there is another answer. */
void rig_wait_answer(rig *r);

/* How often stores and routes were asked: the measure of "not executed" (9.3.2). */
unsigned rig_executed(const rig *r);
