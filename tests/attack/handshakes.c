/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that do not get as far as a request. */
#include "attack.h"

#include <err.h>

static bool turn_nothing(client *c)
{
    (void)c;
    return false;
}

/* Half of a ClientHello that is a good one. */
static bool turn_half(client *c)
{
    static uint8_t hello[4096];
    static int size;
    if (size == 0) {
        SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
        SSL *ssl = SSL_new(tls);
        BIO *out = BIO_new(BIO_s_mem());
        SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
        SSL_connect(ssl);
        size = BIO_read(out, hello, sizeof(hello)) / 2;
        SSL_free(ssl);
        SSL_CTX_free(tls);
        if (size <= 0) {
            errx(1, "no ClientHello");
        }
    }
    put(c, hello, (size_t)size);
    return false;
}

static bool turn_leave(client *c)
{
    c->leave = true;
    return false;
}

const attack silent_connections = {
    .name = "connections",
    .help = "TCP connections that say nothing",
    .carriage = CARRY_TCP,
    .connections = 11000,
    .reconnects = true,
    .turn = turn_nothing,
};

const attack half_handshakes = {
    .name = "half-handshakes",
    .help = "half a ClientHello, and no more",
    .carriage = CARRY_TCP,
    .connections = 500,
    .reconnects = true,
    .turn = turn_half,
};

const attack handshakes = {
    .name = "handshakes",
    .help = "full TLS handshakes, each left at once",
    .carriage = CARRY_TLS,
    .connections = 32,
    .reconnects = true,
    .turn = turn_leave,
};

const attack connects = {
    .name = "connects",
    .help = "TCP connections, each left at once",
    .carriage = CARRY_TCP,
    .connections = 32,
    .reconnects = true,
    .turn = turn_leave,
};
