/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS context that may be renewed while others use it. */
#pragma once

#include <openssl/ssl.h>
#include <pthread.h>

typedef struct tls_slot {
    pthread_mutex_t lock;
    SSL_CTX *newest;
} tls_slot;

/* Takes over the first; NULL: there is none yet. */
void tls_slot_init(tls_slot *s, SSL_CTX *first);
void tls_slot_dispose(tls_slot *s);

/* A share of the newest, for SSL_CTX_free. Any thread. */
SSL_CTX *tls_slot_take(tls_slot *s);

/* Takes over a newer one; the one before goes with its last share. Any thread. */
void tls_slot_put(tls_slot *s, SSL_CTX *fresh);
