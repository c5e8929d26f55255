/* SPDX-License-Identifier: Apache-2.0 */
/* See handshake.h. In place of h2o_accept, whose limit lives by the wall clock, and which leaves no
 * room between TLS and the protocol. */
#include "http/handshake.h"

#include "http/connection.h"
#include "http/metered.h"
#include "http/tls.h"
#include "observe/counters.h"

#include <h2o/http1.h>

static unsigned count_done, count_failed, count_late;

void handshake_setup(void)
{
    count_done = counter_register("handshakes", "done", "TLS handshakes that ended well");
    count_failed = counter_register("handshakes", "failed", "TLS handshakes that failed");
    count_late = counter_register("handshakes", "late", "TLS handshakes that took too long");
}

static void timer_stop(connection *c)
{
    if (c->handshake_timer != NULL) {
        loop_timer_stop(c->handshake_timer);
        c->handshake_timer = NULL;
    }
}

static void on_late(void *arg)
{
    connection *c = arg;
    c->handshake_timer = NULL;
    counter_add(count_late, 1);
    h2o_socket_close(c->socket);
}

static void on_handshake(h2o_socket_t *socket, const char *error)
{
    connection *c = socket->on_close.data;
    timer_stop(c);
    SSL_CTX_free(c->tls); /* its SSL has a share of its own */
    c->tls = NULL;
    if (error != NULL) {
        counter_add(count_failed, 1);
        h2o_socket_close(socket);
        return;
    }
    counter_add(count_done, 1);
    /* Before the protocol, which may call a handler at once: a request can come with the
     * handshake's end. */
    connection_is_open(c);
    const h2o_iovec_t protocol = h2o_socket_ssl_get_selected_protocol(socket);
    if (h2o_memis(protocol.base, protocol.len, H2O_STRLIT("h2"))) {
        metered_accept(c);
    } else {
        h2o_http1_accept(&c->entrance->accept, socket, c->connected_at);
    }
}

void handshake_start(connection *c)
{
    server_worker *sw = c->sw;
    c->connected_at = *h2o_get_timestamp(&sw->context, NULL, NULL);
    /* HTTP/1 alone: HTTP/2 is chosen by ALPN, and only there the meter stands before it. */
    if (c->entrance->tls == NULL) {
        h2o_http1_accept(&c->entrance->accept, c->socket, c->connected_at);
        return;
    }
    c->handshake_timer =
        loop_timer_start(sw->worker->loop, sw->limits.handshake_timeout_ms, on_late, c);
    /* libh2o keeps the bare pointer until the ClientHello is there. */
    c->tls = listener_tls_context(c->entrance->tls);
    h2o_socket_ssl_handshake(c->socket, c->tls, NULL, on_handshake);
}
