/* SPDX-License-Identifier: Apache-2.0 */
/* See tls_slot.h. A lock for each handshake, which takes ten thousand times as long. */
#include "base/tls_slot.h"

void tls_slot_init(tls_slot *s, SSL_CTX *first)
{
    pthread_mutex_init(&s->lock, NULL);
    s->newest = first;
}

void tls_slot_dispose(tls_slot *s)
{
    SSL_CTX_free(s->newest);
    pthread_mutex_destroy(&s->lock);
}

SSL_CTX *tls_slot_take(tls_slot *s)
{
    pthread_mutex_lock(&s->lock);
    SSL_CTX *newest = s->newest;
    SSL_CTX_up_ref(newest);
    pthread_mutex_unlock(&s->lock);
    return newest;
}

void tls_slot_put(tls_slot *s, SSL_CTX *fresh)
{
    pthread_mutex_lock(&s->lock);
    SSL_CTX *before = s->newest;
    s->newest = fresh;
    pthread_mutex_unlock(&s->lock);
    SSL_CTX_free(before);
}
