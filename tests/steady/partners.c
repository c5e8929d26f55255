/* SPDX-License-Identifier: Apache-2.0 */
/* See partners.h. Each request is signed as 9.3.2 wants it. */
#include "partners.h"

#include "figures.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define GIVE_UP_MS   1000u
#define RECONNECT_MS 50u
#define STREAMS_MAX  100u

typedef struct connection connection;

typedef struct request {
    connection *on; /* NULL: not in use */
    uint64_t due_ns;
    int status;
} request;

struct connection {
    int fd; /* -1: none */
    bool ready, wants_write;
    SSL *ssl;
    nghttp2_session *session;
    uint64_t again_ns; /* when it is to be opened again */
    uint64_t until_ns; /* gets no more requests from then on */
    uint64_t ready_ns; /* since when it is one */
    unsigned under_way;
    request requests[STREAMS_MAX];
};

static const partners_options *options;
static SSL_CTX *tls;
static int epoll_fd;
static uint64_t asked;
static connection connections[CONNECTIONS_MAX];

/* ---- requests ---- */

static void request_over(request *r, int status)
{
    figures_over(r->due_ns, status);
    r->on->under_way--;
    r->on = NULL;
}

static void write_hex(const uint8_t *octets, size_t size, char *to)
{
    for (size_t i = 0; i < size; i++) {
        snprintf(to + 2 * i, 3, "%02x", octets[i]);
    }
}

static void write_target(char *to, size_t room)
{
    char tid[64], text[320], mac_text[65];
    uint8_t mac[32];
    snprintf(tid, sizeof(tid), "%08x-0000-7000-8000-%012lx", (unsigned)getpid(), asked);
    const int size = snprintf(text, sizeof(text), "%s%s", tid, options->ici);
    HMAC(EVP_sha256(), options->secret, (int)options->secret_size, (const uint8_t *)text,
         (size_t)size, mac, NULL);
    write_hex(mac, sizeof(mac), mac_text);
    snprintf(to, room, "/mc-3/resolve-ici?tid=%s&ici=%s&user=user-1&apikeyid=%s&signature=%s", tid,
             options->ici, options->key, mac_text);
}

static nghttp2_nv pair(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0};
}

static void ask(connection *c, uint64_t due)
{
    char target[1024];
    write_target(target, sizeof(target));
    const nghttp2_nv pairs[] = {pair(":method", "GET"), pair(":scheme", "https"),
                                pair(":authority", "localhost"), pair(":path", target)};
    request *r = c->requests;
    while (r->on != NULL) {
        r++; /* under_way < STREAMS_MAX */
    }
    *r = (request){.on = c, .due_ns = due};
    c->under_way++;
    if (nghttp2_submit_request(c->session, NULL, pairs, 4, NULL, r) < 0) {
        request_over(r, 0);
    }
}

static connection *free_connection(void)
{
    static unsigned next;
    for (unsigned i = 0; i < options->connections; i++) {
        connection *c = &connections[next++ % options->connections];
        if (c->ready && c->under_way < STREAMS_MAX && now_ns() < c->until_ns &&
            nghttp2_session_check_request_allowed(c->session)) {
            return c;
        }
    }
    return NULL;
}

/* All that is due goes out, or waits for a connection; not for ever. */
static void ask_what_is_due(void)
{
    for (uint64_t now = now_ns(), due; (due = figures_due_ns(asked)) <= now; asked++) {
        connection *c = free_connection();
        if (c != NULL) {
            ask(c, due);
        } else if (now - due > GIVE_UP_MS * MS) {
            figures_over(due, 0);
        } else {
            return;
        }
        figures_add(due);
    }
}

/* ---- connections ---- */

/* Who looks for why a request has failed has nothing else to go by. */
static void tell(const connection *c, const char *what)
{
    const uint64_t now = now_ns();
    fprintf(stderr, "steady: %s: %u requests under way, connected for %lu ms, %s\n", what,
            c->under_way, c->ready ? (now - c->ready_ns) / MS : 0,
            c->ready && nghttp2_session_check_request_allowed(c->session) == 0
                ? "told to go away"
                : "not told to go away");
}

static void connection_end(connection *c, const char *how)
{
    if (!c->ready) {
        figures_refused_connection();
    }
    if (!c->ready || c->under_way > 0) {
        tell(c, how);
    }
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (c->requests[i].on != NULL) {
            request_over(&c->requests[i], 0);
        }
    }
    nghttp2_session_del(c->session);
    SSL_free(c->ssl);
    close(c->fd);
    *c = (connection){.fd = -1, .again_ns = now_ns() + RECONNECT_MS * MS};
}

static void connection_failed(connection *c, int result)
{
    char how[128];
    const int error = errno;
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    snprintf(how, sizeof(how), "TLS error %d, %.60s, errno %d", SSL_get_error(c->ssl, result),
             reason != NULL ? reason : "no reason", error);
    connection_end(c, how);
}

static bool would_block(const connection *c, int result)
{
    const int error = SSL_get_error(c->ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void arm(connection *c, bool wants_write)
{
    if (c->wants_write != wants_write) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        event.events |= wants_write ? (uint32_t)EPOLLOUT : 0u;
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
        c->wants_write = wants_write;
    }
}

static void connection_send(connection *c)
{
    ERR_clear_error();
    errno = 0;
    const int result = nghttp2_session_send(c->session);
    if (result != 0) {
        connection_failed(c, -1);
    }
}

static void connection_receive(connection *c)
{
    static uint8_t octets[65536];
    for (;;) {
        ERR_clear_error();
        const int got = SSL_read(c->ssl, octets, sizeof(octets));
        if (got <= 0) {
            if (!would_block(c, got)) {
                connection_failed(c, got);
                return;
            }
            break;
        }
        if (nghttp2_session_mem_recv(c->session, octets, (size_t)got) < 0) {
            connection_end(c, "no HTTP/2");
            return;
        }
    }
    if (!nghttp2_session_want_read(c->session)) {
        connection_end(c, "nothing more to come"); /* GOAWAY, and all is answered */
    }
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *octets, size_t size, int flags,
                       void *arg)
{
    (void)session, (void)flags;
    connection *c = arg;
    const int sent = SSL_write(c->ssl, octets, (int)size);
    if (sent > 0) {
        arm(c, false);
        return sent;
    }
    if (!would_block(c, sent)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    arm(c, true);
    return NGHTTP2_ERR_WOULDBLOCK;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t size, uint8_t flags, void *arg)
{
    (void)flags, (void)arg, (void)size;
    request *r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (r != NULL && name_size == 7 && memcmp(name, ":status", 7) == 0) {
        r->status = (int)strtol((const char *)value, NULL, 10);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error, void *arg)
{
    request *r = nghttp2_session_get_stream_user_data(session, stream);
    if (r != NULL) {
        if (error != 0) {
            tell(arg, nghttp2_http2_strerror(error));
        }
        nghttp2_session_set_stream_user_data(session, stream, NULL);
        request_over(r, error == 0 ? r->status : 0);
    }
    return 0;
}

static void on_ready(connection *c)
{
    static nghttp2_session_callbacks *callbacks;
    if (callbacks == NULL) {
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    }
    if (nghttp2_session_client_new(&c->session, callbacks, c) != 0) {
        errx(1, "out of memory");
    }
    nghttp2_submit_settings(c->session, 0, NULL, 0);
    c->ready = true;
    c->ready_ns = now_ns();
    /* Not all at the same time. */
    const uint64_t index = (uint64_t)(c - connections), count = options->connections;
    c->until_ns = options->lifetime_ms == 0
                      ? UINT64_MAX
                      : now_ns() + options->lifetime_ms * MS * (count + index) / count;
    connection_send(c);
}

static void connection_open(connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(options->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                       from = {.sin_family = AF_INET};
    const int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (options->source != NULL && (inet_pton(AF_INET, options->source, &from.sin_addr) != 1 ||
                                    bind(c->fd, (struct sockaddr *)&from, sizeof(from)) != 0)) {
        err(2, "--source %s", options->source);
    }
    c->ssl = SSL_new(tls);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    c->wants_write = true;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) {
        connection_end(c, strerror(errno));
    }
}

static void on_event(connection *c, uint32_t events)
{
    if (c->ready) {
        if ((events & ~(uint32_t)EPOLLOUT) != 0) {
            connection_receive(c);
        }
    } else {
        ERR_clear_error();
        const int result = SSL_do_handshake(c->ssl);
        if (result == 1) {
            on_ready(c);
        } else if (!would_block(c, result)) {
            connection_failed(c, result);
        } else {
            arm(c, SSL_get_error(c->ssl, result) == SSL_ERROR_WANT_WRITE);
        }
    }
}

/* Sends what is to be sent, and leaves those whose time is over. */
static void look_after(connection *c)
{
    if (c->ready && nghttp2_session_want_write(c->session)) {
        connection_send(c);
    }
    if (c->ready && c->under_way == 0 && now_ns() >= c->until_ns) {
        connection_end(c, "left");
        c->again_ns = 0;
    }
    if (c->fd < 0 && now_ns() >= c->again_ns) {
        connection_open(c);
    }
}

void partners_begin(const partners_options *given)
{
    static const unsigned char h2[] = "\2h2";
    options = given;
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_alpn_protos(tls, h2, sizeof(h2) - 1);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) {
        err(1, "epoll");
    }
    for (unsigned i = 0; i < options->connections; i++) {
        connections[i].fd = -1;
    }
}

void partners_turn(void)
{
    struct epoll_event events[CONNECTIONS_MAX];
    const int count = epoll_wait(epoll_fd, events, CONNECTIONS_MAX, 1);
    for (int i = 0; i < count; i++) {
        on_event(events[i].data.ptr, events[i].events);
    }
    ask_what_is_due();
    for (unsigned i = 0; i < options->connections; i++) {
        look_after(&connections[i]);
    }
}
