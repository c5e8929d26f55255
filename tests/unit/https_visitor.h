/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of https_server.h share: the server, and one connection to it. */
#pragma once

#include "https_server.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#define CONNECTIONS_MAX 512

typedef struct visitor {
    https_server *server;
    pthread_t thread;
    int fd;
    SSL *ssl;
    char last[1024]; /* path of the last request */
    char source[INET_ADDRSTRLEN];
    bool ended, frozen;
} visitor;

struct https_server {
    SSL_CTX *tls;
    https_options options;
    int fd;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    visitor *visitors[CONNECTIONS_MAX];
    unsigned visitor_count; /* of those there is a thread to join */
    _Atomic bool stopping;
    _Atomic unsigned connections, requests, refused;
};

/* A test goes no further without it: says what went wrong, and aborts. */
void https_must(bool good, const char *what);

/* Whether the path's `do=` is this word. */
bool https_wants(const char *path, const char *word);

void https_write(const visitor *v, const char *text);

/* Serve a connection until it ends. */
void https_visit_h1(visitor *v);
void https_visit_h2(visitor *v);
