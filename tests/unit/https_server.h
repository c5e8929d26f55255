/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTPS server on loopback for tests and benchmarks of the client: what it does with a request
 * is named by the query's `do=`, see https_server.c. A thread for each connection. */
#pragma once

#include <cmp/base.h>

typedef struct https_server https_server;

typedef struct https_options {
    const char *name;   /* of the certificate files <name>.pem and <name>.key */
    bool http1;         /* no h2 */
    bool tls12;         /* at most TLS 1.2 */
    bool client_wanted; /* demands a client certificate of the CA in ca.pem */
    unsigned streams;   /* h2: the limit of concurrent ones; 0: none */
    uint16_t port;      /* 0: any */
} https_options;

/* Makes ca.pem, other-ca.pem, good.pem (localhost, 127.0.0.1), named.pem (other.test only),
 * expired.pem, client.pem, and their keys, in the current folder. */
void https_make_certificates(void);

https_server *https_start(const https_options *options);
uint16_t https_port(const https_server *s);

/* What it has seen so far. */
unsigned https_connections(const https_server *s);
unsigned https_requests(const https_server *s);

/* Closes the connections that stand, politely; the server goes on. */
void https_close_connections(https_server *s);

/* From now on no connection is taken; those that stand go on. */
void https_refuse_connections(https_server *s);
void https_stop(https_server **s);
