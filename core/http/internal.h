/* What the files of this folder know of each other. */
#pragma once

#include "http/server.h"

#include <h2o.h>
#include <stdatomic.h>

typedef struct connection connection;
struct connection {
    server_worker *sw;
    const listener *listener;
    h2o_socket_t *socket;
    uint8_t source[16];
    unsigned active;  /* requests that wait for their answer */
    unsigned streams; /* h2, while draining: open ones */
    uint64_t last_ms; /* loop time of the last request, or of the accept */
    connection *next, **previous;

    h2o_accept_ctx_t *accept;    /* the worker's */
    struct timeval connected_at; /* wall clock, as h2o wants it */
    cmp_timer *handshake_timer;  /* NULL: done, or in the clear */
};

/* One listening socket of this worker. */
typedef struct acceptor {
    server_worker *sw;
    const listener *listener;
    h2o_socket_t *socket;
    h2o_accept_ctx_t accept;
} acceptor;

struct server {
    h2o_globalconf_t config;
    h2o_hostconf_t *hosts[2];       /* one catch-all, and NULL */
    h2o_hostconf_t *admin_hosts[2]; /* the same for the admin socket */
    _Atomic int64_t connections;
    int64_t connections_max;
    uint64_t handshake_timeout_ms;
};

struct server_worker {
    h2o_context_t context; /* for life (see the notes on shutdown in server.c) */
    server *server;
    worker *worker;
    acceptor *acceptors;
    size_t acceptor_count;
    connection *connections;
    size_t connection_count;

    /* draining */
    uint64_t drain_until_ms, drain_sweep_from_ms; /* loop time; 0: not draining */
    cmp_timer *drain_timer;
    bool goodbye_again;
    void (*drained)(void *arg);
    void *drained_arg;
};

/* front.c: the only handler. */
void front_register(h2o_pathconf_t *path);

/* fallback.c: the form of h2o's own errors. */
void fallback_register(h2o_pathconf_t *path);
