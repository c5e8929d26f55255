/* Connections: between the listening sockets and h2o's protocols. */
#include "http/connection.h"

#include "base/endpoint.h"
#include "http/handshake.h"

static void source_read(h2o_socket_t *socket, uint8_t source[16])
{
    endpoint from = {.size = 0};
    from.size = h2o_socket_getpeername(socket, (struct sockaddr *)&from.at);
    endpoint_octets(&from, source);
}

/* h2o has closed the socket, for whatever reason; failed handshakes included. */
static void on_close(void *arg)
{
    connection *c = arg;
    if (c->next != NULL) {
        c->next->previous = c->previous;
    }
    *c->previous = c->next;
    c->sw->connection_count--;
    handshake_cancel(c);
    atomic_fetch_sub_explicit(&c->sw->server->connections, 1, memory_order_relaxed);
    free(c);
}

void connection_open(server_worker *sw, h2o_socket_t *socket, const listener *l,
                     h2o_accept_ctx_t *accept)
{
    connection *c = kit_calloc(1, sizeof(*c));
    c->sw = sw;
    c->listener = l;
    c->socket = socket;
    c->last_ms = h2o_now(sw->context.loop);
    source_read(socket, c->source);
    c->next = sw->connections;
    c->previous = &sw->connections;
    if (c->next != NULL) {
        c->next->previous = &c->next;
    }
    sw->connections = c;
    sw->connection_count++;
    socket->on_close.cb = on_close;
    socket->on_close.data = c;
    handshake_start(c, accept);
}

connection *connection_of(h2o_conn_t *conn)
{
    return conn->callbacks->get_socket(conn)->on_close.data;
}
