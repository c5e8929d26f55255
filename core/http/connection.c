/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a connection: what every part of the folder needs of one, and how all of it ends. */
#include "http/connection.h"

#include "http/crowd.h"
#include "http/held.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define RESUMED_SAVES_PERCENT 64 /* measured: 165 instead of 461 us for a handshake */

void connection_move(connection *c, gate_stage stage)
{
    gate_move(c->entrance->gate, c->stage, stage);
    c->stage = stage;
}

void connection_give_up_place(connection *c)
{
    if (c->placed) {
        gate_leave(c->entrance->gate, c->stage);
        c->placed = false;
    }
    if (c->counted) {
        sources_leave(c->entrance->sources, c->source);
        c->counted = false;
    }
    crowd_remove(&c->entrance->crowd, c);
}

/* h2o has closed the socket, for whatever reason; failed handshakes included. */
static void on_close(void *arg)
{
    connection *c = arg;
    if (c->next != NULL) {
        c->next->previous = c->previous;
    }
    *c->previous = c->next;
    if (c->sw->rounds.next == c) {
        c->sw->rounds.next = c->next;
    }
    c->sw->connection_count--;
    held_leave(c);
    if (c->gone != NULL) {
        c->gone(c);
    }
    if (c->handshake_timer != NULL) {
        loop_timer_stop(c->handshake_timer);
    }
    if (c->entry_timer != NULL) {
        loop_timer_stop(c->entry_timer);
    }
    SSL_CTX_free(c->tls);
    connection_give_up_place(c);
    certificate_destroy(&c->certificate);
    c->entrance->connections--;
    c->entrance->strangers -= c->stranger;
    free(c);
}

connection *connection_make(entrance *e, int fd, const uint8_t source[16], bool counted)
{
    server_worker *sw = e->sw;
    connection *c = kit_calloc(1, sizeof(*c));
    c->sw = sw;
    c->entrance = e;
    e->connections++;
    c->placed = true;
    c->counted = counted;
    c->stage = GATE_HEADER;
    memcpy(c->source, source, sizeof(c->source));
    c->socket =
        h2o_evloop_socket_create(sw->context.loop, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
    /* Before anything else can close it: from here on the connection lives as long as its socket,
     * and whoever closes that has nothing to free. */
    c->socket->on_close.cb = on_close;
    c->socket->on_close.data = c;
    c->last_ms = server_now_ms(sw);
    c->next = sw->connections;
    c->previous = &sw->connections;
    if (c->next != NULL) {
        c->next->previous = &c->next;
    }
    sw->connections = c;
    sw->connection_count++;
    return c;
}

void connection_is_open(connection *c)
{
    if (c->placed) {
        connection_move(c, GATE_OPEN);
    }
    c->stage = GATE_OPEN;
    c->last_ms = server_now_ms(c->sw);
    if (h2o_socket_get_ssl_session_reused(c->socket) == 1) { /* not to be known any earlier */
        rate_give_back(&c->entrance->handshakes, RESUMED_SAVES_PERCENT);
    }
}

/* libh2o shows nobody its SSL: this is where it passes by. */
void connection_on_tls_info(const SSL *ssl, int where, int value)
{
    (void)value;
    if ((where & SSL_CB_HANDSHAKE_DONE) == 0) {
        return;
    }
    const h2o_socket_t *socket = BIO_get_data(SSL_get_rbio(ssl));
    connection *c = socket->on_close.data;
    /* A KeyUpdate ends with the same call. Who wants to see it now need not be who does later. */
    if (c->certificate == NULL) {
        c->certificate = certificate_read(ssl);
    }
}

void connection_touch(connection *c)
{
    c->requests++;
    c->last_ms = server_now_ms(c->sw);
    if (c->in_crowd) {
        crowd_touch(&c->entrance->crowd, c);
    }
}

connection *connection_of(h2o_conn_t *conn)
{
    return conn->callbacks->get_socket(conn)->on_close.data;
}
