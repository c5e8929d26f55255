/* SPDX-License-Identifier: Apache-2.0 */
/* Making a connection: addresses in turn, TCP, TLS with its checks, and which HTTP is spoken. */
#include "outbound/wire.h"

#include "base/log_limit.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

static log_limit failures = {
    .level = CMP_LOG_DEBUG,
    .area = "outbound",
    .what = "failures to connect",
    .name = "origin",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

static void try_next_address(wire *w);
static void on_connect_timer(void *arg);

static void timer_start(wire *w, uint64_t delay_ms)
{
    w->timer = loop_timer_start(w->lane->owner->loop, delay_ms, on_connect_timer, w);
}

bool wire_open(lane *l, bool probe)
{
    wire *w = kit_calloc(1, sizeof(*w));
    w->lane = l;
    const uint64_t id = w->id = ++l->last_wire_id;
    w->probe = probe;
    w->state = WIRE_RESOLVING;
    w->failure = "no address of the source's family";
    TAILQ_INIT(&w->calls);
    w->connect_until_ms = clock_monotonic_ms() + l->origin->connect_timeout_ms;
    TAILQ_INSERT_TAIL(&l->wires, w, entry);
    switch (resolve_addresses(l)) {
    case RESOLVE_READY:
        wire_resolved(w, NULL);
        break;
    case RESOLVE_FAILED:
        wire_resolved(w, "the look-up of the host cannot be begun now");
        break;
    case RESOLVE_LATER:
        timer_start(w, l->origin->connect_timeout_ms);
        break;
    }
    /* By its id: the wire may have been freed in the switch, with its memory in use again. */
    const wire *last = TAILQ_LAST(&l->wires, wire_list);
    return last != NULL && last->id == id;
}

void wire_resolved(wire *w, const char *failure)
{
    if (failure != NULL) {
        wire_connect_failed(w, failure);
        return;
    }
    w->address_next = w->lane->address_first;
    w->addresses_left = w->lane->address_count;
    try_next_address(w);
}

void wire_connect_failed(wire *w, const char *detail)
{
    lane *l = w->lane;
    const bool probe = w->probe;
    l->addresses_until_ms = 0; /* the host may have moved */
    log_limited(&failures, cmp_str_from(l->origin->name), detail, NULL, 0, "%s: no connection: %s",
                l->origin->name, detail);
    /* Before the lane is told, which counts its wires. */
    wire_free(w);
    if (probe) {
        probe_ended(l, false);
    } else {
        lane_count_failure(l, detail);
    }
    lane_connect_failed(l, detail);
}

static void address_failed(wire *w, const char *detail)
{
    w->failure = detail;
    wire_hang_up(w);
    try_next_address(w);
}

static void on_connect_timer(void *arg)
{
    wire *w = arg;
    w->timer = NULL;
    switch (w->state) {
    case WIRE_RESOLVING:
        wire_connect_failed(w, "no address of the host in time");
        break;
    case WIRE_CONNECTING:
        address_failed(w, "no TCP connection in time");
        break;
    case WIRE_HANDSHAKE:
        address_failed(w, "no end of the TLS handshake in time");
        break;
    default:
        address_failed(w, "no HTTP/2 settings from the server in time");
        break;
    }
}

static void on_handshake(h2o_socket_t *socket, const char *error)
{
    wire *w = socket->data;
    /* OpenSSL has checked the certificate and the name before this. h2o looks at it once more under
     * TLS 1.2, for names only; for an address that check has nothing to say. */
    if (error == h2o_socket_error_ssl_cert_name_mismatch && w->lane->origin->sni[0] == '\0') {
        error = NULL;
    }
    if (error != NULL) {
        address_failed(w, w->alert != NULL ? w->alert : error);
        return;
    }
    const h2o_iovec_t protocol = h2o_socket_ssl_get_selected_protocol(socket);
    if (h2o_memis(protocol.base, protocol.len, H2O_STRLIT("h2"))) {
        /* Not used before the server's settings (RFC 9113, 3.4): they say how many streams it
         * takes. */
        w->state = WIRE_GREETING;
        h2_start(w);
    } else {
        wire_ready(w);
    }
    wire_read_start(w);
}

static void on_connected(h2o_socket_t *socket, const char *error)
{
    wire *w = socket->data;
    int code = 0;
    socklen_t size = sizeof(code);
    /* How a connect that was under way has ended, only the socket says (connect(2)). */
    if (error != NULL ||
        getsockopt(h2o_socket_get_fd(socket), SOL_SOCKET, SO_ERROR, &code, &size) != 0) {
        code = errno;
    }
    if (code != 0) {
        address_failed(w, strerrordesc_np(code));
        return;
    }
    origin *o = w->lane->origin;
    w->state = WIRE_HANDSHAKE;
    SSL_CTX *tls = tls_slot_take(&o->tls);
    h2o_socket_ssl_handshake(socket, tls, o->sni, on_handshake);
    SSL_CTX_free(tls); /* the connection's SSL has a share of its own by now */
}

static int socket_open(const origin *o, const endpoint *to)
{
    const int on = 1;
    const int fd =
        socket(to->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) {
        return -1;
    }
    /* What is written is gathered by the step at the end of a turn; Nagle would only add a wait. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (o->source.size != 0) {
        /* The port is chosen when connecting, so two connections may share it. */
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    }
    if ((o->source.size != 0 &&
         bind(fd, (const struct sockaddr *)&o->source.at, o->source.size) != 0) ||
        (connect(fd, (const struct sockaddr *)&to->at, to->size) != 0 && errno != EINPROGRESS)) {
        const int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

static bool connect_to(wire *w, const endpoint *to)
{
    const origin *o = w->lane->origin;
    if (o->source.size != 0 && o->source.at.ss_family != to->at.ss_family) {
        return false;
    }
    const int fd = socket_open(o, to);
    if (fd < 0) {
        w->failure = strerrordesc_np(errno);
        return false;
    }
    w->socket = h2o_evloop_socket_create(loop_h2o(w->lane->owner->loop), fd, 0);
    w->socket->data = w;
    w->state = WIRE_CONNECTING;
    h2o_socket_notify_write(w->socket, on_connected);
    return true;
}

/* Each address gets its share of the time that is left. */
static void try_next_address(wire *w)
{
    const lane *l = w->lane;
    wire_timer_stop(w);
    while (w->addresses_left > 0) {
        const unsigned shares = w->addresses_left--;
        if (connect_to(w, &l->addresses[w->address_next++ % l->address_count])) {
            const uint64_t now = clock_monotonic_ms();
            const uint64_t rest = w->connect_until_ms > now ? w->connect_until_ms - now : 0;
            timer_start(w, rest / shares);
            return;
        }
    }
    wire_connect_failed(w, w->failure);
}

void wire_ready(wire *w)
{
    lane *l = w->lane;
    wire_timer_stop(w);
    w->state = WIRE_READY;
    /* The next connection begins with the address that has worked. */
    l->address_first = (w->address_next - 1) % l->address_count;
    l->http1 = w->h2 == NULL;
    if (w->probe) {
        w->probe = false;
        probe_ended(l, true);
    }
    wire_idle(w);
    lane_wake(l);
}

void wire_on_tls_info(const SSL *ssl, int where, int value)
{
    const h2o_socket_t *socket = BIO_get_data(SSL_get_rbio(ssl));
    wire *w = socket->data;
    /* Without a wire the socket is being closed; OpenSSL still calls. */
    if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT || w == NULL) {
        return;
    }
    const int alert = value & 0xff;
    if (alert == SSL_AD_CLOSE_NOTIFY) {
        w->peer_closed = true;
    } else if (value >> 8 == SSL3_AL_FATAL) {
        w->alert = alert == SSL_AD_CERTIFICATE_REQUIRED ? "certificate required"
                                                        : SSL_alert_desc_string_long(value);
        /* RFC 8446, 6.2: what a server says of a client's certificate. */
        w->rejected_us = (alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_CERTIFICATE_UNKNOWN) ||
                         alert == SSL_AD_UNKNOWN_CA || alert == SSL_AD_ACCESS_DENIED ||
                         alert == SSL_AD_CERTIFICATE_REQUIRED;
    }
}
