/* SPDX-License-Identifier: Apache-2.0 */
/* See sockets.h. */
#include "http/sockets.h"

#include "base/log.h"
#include "conf/bind.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096 /* net.core.somaxconn since Linux 5.4; the kernel takes the smaller one */

/* -1 when there can be none; errno says why. */
static int socket_open(const conf_bind *b)
{
    const int fd = socket(b->at.at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1, v6_only = !b->both_families;
    if (fd >= 0) {
        /* Connections of the process before may still be in TIME_WAIT. */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (b->at.at.ss_family == AF_INET6) {
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
        }
    }
    return fd;
}

/* Accepted sockets inherit these; the buffer has to be set before their windows are negotiated. */
static void set_inherited(int fd, int receive_buffer)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
}

static bool socket_bind(int fd, const conf_bind *b)
{
    return bind(fd, (const struct sockaddr *)&b->at.at, b->at.size) == 0;
}

static int socket_listen(const conf_bind *b, int receive_buffer)
{
    const int fd = socket_open(b);
    if (fd < 0) {
        return -1;
    }
    const int on = 1;
    /* A socket for each worker. One for all was shared badly: of two threads one got 364,000
     * requests, the other 37,000. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    set_inherited(fd, receive_buffer);
    if (!socket_bind(fd, b) || listen(fd, BACKLOG) != 0) {
        const int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* The kernel takes less without a word, and shows twice what it took. */
static void warn_when_smaller(int fd, const conf_listener *l)
{
    int taken = 0;
    socklen_t size = sizeof(taken);
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &taken, &size) == 0 &&
        taken / 2 < l->receive_buffer_bytes) {
        log_warning("http",
                    "listener %s: the kernel allows a receive_buffer of %d octets only, not "
                    "%lld; see net.core.rmem_max",
                    l->name, taken / 2, (long long)l->receive_buffer_bytes);
    }
}

static void log_bound(const char *listener, const endpoint *a)
{
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_format(a, text);
    log_notice("http", "listener %s at %s", listener, text);
}

/* Another process on the same port would silently share it, thanks to SO_REUSEPORT. */
static bool is_taken(const conf_bind *b)
{
    const int fd = socket_open(b);
    if (fd < 0) {
        return false;
    }
    const bool taken = !socket_bind(fd, b) && errno == EADDRINUSE;
    close(fd);
    return taken;
}

/* What was bound to port 0 would get another port when it comes back (socket_return): so the kernel
 * chooses once, for a socket that is in nobody's way. */
static int port_choose(conf_bind *b)
{
    const int fd = socket_open(b), on = 1;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
        if (socket_bind(fd, b)) {
            getsockname(fd, (struct sockaddr *)&b->at.at, &b->at.size);
        }
    }
    return fd;
}

static bool bind_workers(sockets *s, size_t i, const conf_bind *b, const conf_listener *l)
{
    for (unsigned worker = 0; worker < s->workers; worker++) {
        const int fd = socket_listen(b, (int)l->receive_buffer_bytes);
        if (fd < 0) {
            return false;
        }
        s->at[worker * s->count + i] = fd;
    }
    return true;
}

/* Binds one address once for each worker, all to one port. */
static bool bind_for_all(sockets *s, size_t i, const char *text, const conf_listener *l)
{
    conf_bind b;
    if (!bind_parse(text, &b)) {
        errno = EINVAL;
        return false;
    }
    if (is_taken(&b)) {
        errno = EADDRINUSE;
        return false;
    }
    const int chosen = port_choose(&b);
    const bool bound = bind_workers(s, i, &b, l);
    const int error = errno;
    close(chosen);
    errno = error;
    if (!bound) {
        return false;
    }
    warn_when_smaller(s->at[i], l);
    log_bound(l->name, &b.at);
    return true;
}

/* An address that is not there yet may come, and a port may be held by the cmpd that this one is to
 * follow: no errors, as long as nobody wants to serve. */
static void warn_when_not_free(const conf *c, const char *text, const char *key, cmp_report *report)
{
    conf_bind b;
    if (!bind_parse(text, &b)) {
        return;
    }
    const int fd = socket_open(&b);
    if (fd >= 0 && socket_bind(fd, &b)) {
        close(fd);
        return;
    }
    const char *why = errno == EADDRINUSE      ? "it is in use now"
                      : errno == EADDRNOTAVAIL ? "this machine has no such address now"
                                               : strerror(errno);
    report_warn(report, conf_place_of(c, key), key, "%s cannot be bound: %s", text, why);
    if (fd >= 0) {
        close(fd);
    }
}

void sockets_check(const conf *c, cmp_report *report)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    for (size_t l = 0; l < c->top.listeners.count; l++) {
        const cmp_strings *texts = &((const conf_listener *)c->top.listeners.at)[l].bind;
        for (size_t i = 0; i < texts->count; i++) {
            warn_when_not_free(c, texts->at[i],
                               kit_arena_printf(&a, "listeners[%zu].bind[%zu]", l, i), report);
        }
    }
    kit_arena_reset(&a);
}

bool sockets_open(sockets *s, const conf *c, unsigned workers, cmp_report *report)
{
    const conf_listener *all = c->top.listeners.at;
    *s = (sockets){.workers = workers};
    for (size_t l = 0; l < c->top.listeners.count; l++) {
        s->count += all[l].bind.count;
    }
    s->at = kit_alloc(workers * s->count * sizeof(*s->at));
    s->listener = kit_calloc(s->count, sizeof(*s->listener));
    memset(s->at, -1, workers * s->count * sizeof(*s->at));
    const size_t errors = report->count;
    size_t i = 0;
    for (size_t l = 0; l < c->top.listeners.count; l++) {
        for (size_t b = 0; b < all[l].bind.count; b++, i++) {
            s->listener[i] = l;
            if (!bind_for_all(s, i, all[l].bind.at[b], &all[l])) {
                char key[64];
                snprintf(key, sizeof(key), "listeners[%zu].bind", l);
                report_add(report, conf_place_of(c, key), key, "cannot bind %s: %s",
                           all[l].bind.at[b], strerror(errno));
            }
        }
    }
    return report->count == errors;
}

void sockets_close(sockets *s)
{
    for (size_t i = 0; i < s->workers * s->count; i++) {
        if (s->at[i] >= 0) {
            close(s->at[i]);
        }
    }
    free(s->at);
    free(s->listener);
    *s = (sockets){0};
}

/* shutdown(2) of a socket that listens ends just that, and keeps its address: it can listen again.
 */
void socket_withdraw(int fd)
{
    shutdown(fd, SHUT_RD);
}

bool socket_return(int fd)
{
    return listen(fd, BACKLOG) == 0;
}
