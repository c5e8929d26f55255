/* SPDX-License-Identifier: Apache-2.0 */
/* See balancer.h; called by entry.c before there is anything of the client's own, and by
 * front.c. */
#include "http/balancer.h"

#include "http/forwarded.h"
#include "http/proxy.h"

static void timer_stop(connection *c)
{
    if (c->entry_timer != NULL) {
        loop_timer_stop(c->entry_timer);
        c->entry_timer = NULL;
    }
}

static void on_late(void *arg)
{
    connection *c = arg;
    c->entry_timer = NULL;
    gate_tell(c->entrance->gate, GATE_HEADER_LATE, c->source);
    h2o_socket_close(c->socket);
}

/* The header is whole. What came behind it stays in the socket's input, where TLS looks first. */
static void take_header(connection *c, const proxy_header *h)
{
    timer_stop(c);
    h2o_socket_read_stop(c->socket);
    h2o_buffer_consume(&c->socket->input, h->size);
    if (h->origin == PROXY_ORIGIN_ADDRESS) {
        memcpy(c->source, h->source, sizeof(c->source));
    } else if (h->origin == PROXY_ORIGIN_UNKNOWN) {
        memset(c->source, 0, sizeof(c->source)); /* the balancer's own would be taken for it */
    }
    /* Last: who is refused is closed, and freed. */
    c->known(c);
}

static void on_read(h2o_socket_t *socket, const char *error)
{
    connection *c = socket->on_close.data;
    proxy_header h;
    if (error != NULL) {
        h2o_socket_close(socket); /* balancers look whether we live, and go */
        return;
    }
    switch (proxy_read(socket->input->bytes, socket->input->size, &h)) {
    case PROXY_INCOMPLETE:
        return;
    case PROXY_WHOLE:
        take_header(c, &h);
        return;
    case PROXY_BAD:
        gate_tell(c->entrance->gate, GATE_HEADER_BAD, c->source);
        h2o_socket_close(socket);
        return;
    }
}

void balancer_await(connection *c, void (*known)(connection *c))
{
    c->known = known;
    const server_worker *sw = c->sw;
    c->entry_timer =
        loop_timer_start(sw->worker->loop, sw->limits.handshake_timeout_ms, on_late, c);
    h2o_socket_read_start(c->socket, on_read);
}

void balancer_source(const h2o_req_t *req, const listener *l, uint8_t source[16])
{
    const conf_balancers *b = &l->conf->balancers;
    if (b->by == CONF_BALANCERS_PROXY || !listener_has_balancer(l, source)) {
        return;
    }
    const bool forwarded = b->by == CONF_BALANCERS_FORWARDED;
    const char *name = forwarded ? "forwarded" : "x-forwarded-for";
    forwarded_search s = {.networks = l->balancers, .bare = !forwarded};
    for (ssize_t at = -1;
         (at = h2o_find_header_by_str(&req->headers, name, strlen(name), at)) >= 0;) {
        const h2o_iovec_t value = req->headers.entries[at].value;
        forwarded_read(&s, (cmp_str){value.base, value.len});
    }
    if (s.found || s.unreadable) { /* then it is nobody's, as with PROXY */
        memcpy(source, s.source, sizeof(s.source));
    }
}
