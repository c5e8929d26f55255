/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of an attack: opened, fed by its turns, read, and counted when they end. One thread;
 * all that it does is bounded in time and in connections. */
#include "attack.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TURNS_AT_ONCE 16  /* of one connection, before the others have theirs */
#define OPENING_MAX   256 /* connections whose handshake is under way */
#define TICK_MS       10  /* how exactly turn_ms is kept */
#define READ_SIZE     65536
#define LONGER_MS     30000 /* for what is wanted at least: the server may be slow */

outcome total;

static const engine_options *options;
static const attack *running;
static SSL_CTX *tls;
static int epoll_fd;
static client *clients;
static unsigned opened_in_all, opening;

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void put(client *c, const void *octets, size_t size)
{
    if (c->out_room - c->out_size < size) {
        c->out_room = (c->out_size + size) * 2;
        c->out = realloc(c->out, c->out_room);
        if (c->out == NULL) {
            errx(1, "out of memory");
        }
    }
    memcpy(c->out + c->out_size, octets, size);
    c->out_size += size;
}

void put_text(client *c, const char *text)
{
    put(c, text, strlen(text));
}

/* ---- the end of a connection ---- */

/* Without TIME_WAIT: an attacker is not to run out of ports. */
static void close_at_once(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

static void client_close(client *c)
{
    if (c->state != CLIENT_OPEN) {
        opening--;
    } else if (c->answers_max > 0 && c->answers > c->answers_max) {
        total.hidden++;
    }
    SSL_free(c->ssl);
    close_at_once(c->fd);
    free(c->out);
    free(c->in);
    *c = (client){.fd = -1};
}

static void client_ended(client *c)
{
    if (c->state == CLIENT_OPEN) {
        const uint64_t lasted_ms = now_ms() - c->opened_ms;
        total.ended++;
        total.longest_ms = lasted_ms > total.longest_ms ? lasted_ms : total.longest_ms;
    } else {
        total.refused++;
    }
    client_close(c);
}

/* ---- sending and receiving ---- */

static void arm(client *c)
{
    const bool deaf = running->deaf && c->state == CLIENT_OPEN;
    struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = c};
    event.events |= deaf ? 0u : (uint32_t)EPOLLIN;
    event.events |= c->wants_write ? (uint32_t)EPOLLOUT : 0u;
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

/* Octets, 0: not now, -1: the connection has ended. */
static ssize_t send_some(client *c, const uint8_t *octets, size_t size)
{
    if (c->ssl == NULL) {
        const ssize_t sent = send(c->fd, octets, size, MSG_NOSIGNAL);
        return sent < 0 && errno == EAGAIN ? 0 : sent;
    }
    ERR_clear_error();
    const int sent = SSL_write(c->ssl, octets, (int)size);
    if (sent > 0) {
        return sent;
    }
    const int error = SSL_get_error(c->ssl, sent);
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
}

static ssize_t receive_some(client *c, uint8_t *octets, size_t size)
{
    if (c->ssl == NULL) {
        const ssize_t got = recv(c->fd, octets, size, 0);
        return got == 0 ? -1 : got < 0 && errno == EAGAIN ? 0 : got;
    }
    ERR_clear_error();
    const int got = SSL_read(c->ssl, octets, (int)size);
    if (got > 0) {
        return got;
    }
    const int error = SSL_get_error(c->ssl, got);
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* True: all has gone out. */
static bool flush(client *c)
{
    while (c->out_at < c->out_size) {
        const ssize_t sent = send_some(c, c->out + c->out_at, c->out_size - c->out_at);
        if (sent < 0) {
            client_ended(c);
            return false;
        }
        if (sent == 0) {
            return false;
        }
        c->out_at += (size_t)sent;
        total.octets_sent += (uint64_t)sent;
    }
    c->out_at = c->out_size = 0;
    return true;
}

static void give_turns(client *c)
{
    for (int i = 0; flush(c); i++) {
        if (c->leave) {
            client_close(c);
            return;
        }
        const bool pause = running->turn_ms > 0 && now_ms() < c->due_ms;
        c->wants_write = i >= TURNS_AT_ONCE && !c->finished && !pause;
        if (c->wants_write || c->finished || pause) {
            arm(c);
            return;
        }
        c->due_ms = now_ms() + running->turn_ms;
        c->finished = !running->turn(c);
        c->step++;
        if (c->out_size == 0 && !c->leave) {
            c->wants_write = false;
            arm(c);
            return;
        }
    }
    if (c->state == CLIENT_OPEN) {
        c->wants_write = true;
        arm(c);
    }
}

static bool receive(client *c)
{
    static uint8_t octets[READ_SIZE];
    for (;;) {
        const ssize_t got = receive_some(c, octets, sizeof(octets));
        if (got < 0) {
            client_ended(c);
            return false;
        }
        if (got == 0) {
            return true;
        }
        total.octets_received += (uint64_t)got;
        if (running->carriage == CARRY_H2) {
            h2_receive(c, octets, (size_t)got);
        } else if (running->carriage == CARRY_H1) {
            h1_receive(c, octets, (size_t)got);
        }
    }
}

/* ---- opening ---- */

static void on_open(client *c)
{
    c->state = CLIENT_OPEN;
    c->opened_ms = now_ms();
    c->index = (unsigned)total.opened++;
    c->next_stream = 1;
    opening--;
    if (running->carriage == CARRY_H2) {
        c->window = c->stream_window = 65535; /* RFC 9113, 6.9.2 */
        c->in = malloc(FRAME_MAX + 9);
        if (c->in == NULL) {
            errx(1, "out of memory");
        }
        put_preface(c);
    }
    give_turns(c);
}

static void shake_hands(client *c)
{
    ERR_clear_error();
    const int result = SSL_do_handshake(c->ssl);
    if (result == 1) {
        on_open(c);
        return;
    }
    const int error = SSL_get_error(c->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        client_ended(c);
        return;
    }
    c->wants_write = error == SSL_ERROR_WANT_WRITE;
    arm(c);
}

static void on_connected(client *c)
{
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        client_ended(c);
        return;
    }
    if (running->carriage == CARRY_TCP || options->plain) {
        on_open(c);
        return;
    }
    static const unsigned char h2[] = "\2h2", h1[] = "\10http/1.1";
    c->ssl = SSL_new(tls);
    SSL_set_fd(c->ssl, c->fd);
    if (running->carriage == CARRY_H2) {
        SSL_set_alpn_protos(c->ssl, h2, sizeof(h2) - 1);
    } else if (running->carriage == CARRY_H1) {
        SSL_set_alpn_protos(c->ssl, h1, sizeof(h1) - 1);
    }
    SSL_set_connect_state(c->ssl);
    c->state = CLIENT_SHAKING_HANDS;
    shake_hands(c);
}

static void bind_source(int fd)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    if (options->source == NULL || inet_pton(AF_INET, options->source, &from.sin_addr) != 1) {
        return;
    }
    const int port_later = 1;
    from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) + opened_in_all % options->sources);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &port_later, sizeof(port_later));
    if (bind(fd, (const struct sockaddr *)&from, sizeof(from)) != 0) {
        err(1, "bind");
    }
}

static void client_connect(client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    inet_pton(AF_INET, options->host, &to.sin_addr);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) {
        err(1, "socket");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (running->deaf) { /* the kernel is not to read for it */
        const int small = FLOOD;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    }
    bind_source(fd);
    *c = (client){.attack = running, .state = CLIENT_CONNECTING, .fd = fd, .wants_write = true};
    opening++;
    opened_in_all++;
    struct epoll_event event = {.events = EPOLLOUT | EPOLLRDHUP, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) {
        client_ended(c);
    }
}

static void open_missing(void)
{
    for (unsigned i = 0; i < options->connections && opening < OPENING_MAX; i++) {
        const bool first = opened_in_all <= i;
        if (clients[i].state == CLIENT_CLOSED && (first || running->reconnects) &&
            opened_in_all < options->opens_max) {
            client_connect(&clients[i]);
        }
    }
}

/* ---- the loop ---- */

static void on_event(client *c, uint32_t events)
{
    if (c->state == CLIENT_CONNECTING) {
        on_connected(c);
    } else if (c->state == CLIENT_SHAKING_HANDS) {
        shake_hands(c);
    } else if (c->state == CLIENT_OPEN) {
        const bool over = (events & (EPOLLHUP | EPOLLERR)) != 0;
        if (running->deaf && (over || (events & EPOLLRDHUP) != 0)) {
            client_ended(c);
        } else if (running->deaf || receive(c)) {
            give_turns(c);
        }
    }
}

static void give_due_turns(void)
{
    const uint64_t now = now_ms();
    for (unsigned i = 0; running->turn_ms > 0 && i < options->connections; i++) {
        client *c = &clients[i];
        if (c->state == CLIENT_OPEN && !c->finished && now >= c->due_ms && !c->wants_write) {
            give_turns(c);
        }
    }
}

/* Who never read does not know yet that the server has gone. */
static void look_at_last(void)
{
    for (unsigned i = 0; i < options->connections; i++) {
        client *c = &clients[i];
        const bool may_have_ended = c->state == CLIENT_OPEN && running->deaf;
        if (c->state != CLIENT_CLOSED && (!may_have_ended || receive(c))) {
            client_close(c);
        }
    }
}

static void prepare(void)
{
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    clients = calloc(options->connections, sizeof(*clients));
    if (clients == NULL || epoll_fd < 0) {
        err(1, "engine");
    }
}

static bool is_over(uint64_t passed_ms)
{
    const bool in_vain = options->wanted != NULL && *options->wanted < options->at_least;
    return passed_ms >= options->seconds * 1000u + (in_vain ? LONGER_MS : 0u);
}

void engine_run(const attack *a, const engine_options *given)
{
    running = a;
    options = given;
    prepare();
    struct epoll_event events[256];
    const uint64_t begun_ms = now_ms();
    const uint64_t enough = options->until_ended == 0 ? UINT64_MAX : options->until_ended;
    while (!is_over(now_ms() - begun_ms) && total.ended < enough) {
        open_missing();
        const int count = epoll_wait(epoll_fd, events, 256, TICK_MS);
        for (int i = 0; i < count; i++) {
            on_event(events[i].data.ptr, events[i].events);
        }
        give_due_turns();
    }
    look_at_last();
    free(clients);
    close(epoll_fd);
    SSL_CTX_free(tls);
}
