/* SPDX-License-Identifier: Apache-2.0 */
/* See inherited.h. */
#include "http/inherited.h"

#include "conf/bind.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int option_of(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

/* NULL: a socket as we want it. */
static const char *fault_of(int fd, const inherited_socket *s, bool was_ours)
{
    const int type = option_of(fd, SOL_SOCKET, SO_TYPE);
    if (type < 0) {
        return errno == EBADF ? "it is not open" : "it is no socket";
    }
    if (type != SOCK_STREAM) {
        return type == SOCK_DGRAM ? "it is a datagram socket, expected one that listens for TCP"
                                  : "it is no socket of TCP";
    }
    /* A stuck worker's own has been withdrawn; whoever accepts on it has it listen again. */
    if (!was_ours && option_of(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1) {
        return "it does not listen";
    }
    const int family = s->at.ss_family;
    return family == AF_INET || family == AF_INET6 ? NULL : "it is neither of IPv4 nor of IPv6";
}

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
    return cookie;
}

static bool has(const inherited *in, uint64_t cookie)
{
    for (size_t i = 0; i < in->count; i++) {
        if (in->at[i].cookie == cookie) {
            return true;
        }
    }
    return false;
}

static char *copy(const char *text)
{
    return text != NULL && *text != '\0' ? kit_strdup(text) : NULL;
}

bool inherited_add(inherited *in, int fd, const char *name, const char *bind, char *error,
                   size_t error_size)
{
    inherited_socket s = {.fd = fd, .given_as = fd, .at_size = sizeof(s.at)};
    getsockname(fd, (struct sockaddr *)&s.at, &s.at_size);
    const char *fault = fault_of(fd, &s, bind != NULL);
    if (fault != NULL) {
        snprintf(error, error_size, "%s", fault);
        return false;
    }
    s.cookie = cookie_of(fd);
    if (has(in, s.cookie)) {
        close(fd);
        return true;
    }
    s.v6_only = option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1;
    s.name = copy(name);
    s.bind = copy(bind);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    in->at = kit_realloc(in->at, (in->count + 1) * sizeof(*in->at));
    in->at[in->count++] = s;
    return true;
}

bool inherited_has_port(const inherited *in, uint16_t port)
{
    for (size_t i = 0; i < in->count; i++) {
        const inherited_socket *s = &in->at[i];
        if (s->bind != NULL && endpoint_port(&(endpoint){s->at, s->at_size}) == port) {
            return true;
        }
    }
    return false;
}

/* ---- whose it is ---- */

/* The parts of an address that were bound: padding is nobody's. An IPv6 socket takes IPv4 as well,
 * or does not: `*` and `[::]` are two. */
static bool same_address(const inherited_socket *s, const conf_bind *b)
{
    if (s->at.ss_family != b->at.at.ss_family) {
        return false;
    }
    if (s->at.ss_family == AF_INET) {
        const struct sockaddr_in *x = (const struct sockaddr_in *)&s->at;
        const struct sockaddr_in *y = (const struct sockaddr_in *)&b->at.at;
        return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *x = (const struct sockaddr_in6 *)&s->at;
    const struct sockaddr_in6 *y = (const struct sockaddr_in6 *)&b->at.at;
    const bool any = IN6_IS_ADDR_UNSPECIFIED(&x->sin6_addr);
    return x->sin6_port == y->sin6_port &&
           memcmp(&x->sin6_addr, &y->sin6_addr, sizeof(x->sin6_addr)) == 0 &&
           (!any || s->v6_only == !b->both_families);
}

/* How well an address of a listener fits a socket. */
typedef enum fit {
    FIT_NONE,
    FIT_NAME,
    FIT_ADDRESS,
    FIT_BIND,
} fit;

static fit fit_of(const inherited_socket *s, const conf_listener *l, const char *text)
{
    conf_bind b;
    const bool named = s->name != NULL && l->name != NULL && strcmp(s->name, l->name) == 0;
    if (named && s->bind != NULL && strcmp(s->bind, text) == 0) {
        return FIT_BIND;
    }
    if (bind_parse(text, &b) && same_address(s, &b)) {
        return FIT_ADDRESS;
    }
    return named && l->bind.count == 1 && s->bind == NULL ? FIT_NAME : FIT_NONE;
}

/* A listener has its name, and several addresses. */
static bool is_of_several(const inherited_socket *s, const conf *c)
{
    const conf_listener *all = c->top.listeners.at;
    for (size_t l = 0; s->name != NULL && l < c->top.listeners.count; l++) {
        if (all[l].name != NULL && strcmp(all[l].name, s->name) == 0) {
            return all[l].bind.count > 1;
        }
    }
    return false;
}

static void match(inherited_socket *s, const conf *c)
{
    fit best = FIT_NONE;
    const conf_listener *all = c->top.listeners.at;
    for (size_t l = 0; l < c->top.listeners.count; l++) {
        for (size_t b = 0; b < all[l].bind.count; b++) {
            const fit this = fit_of(s, &all[l], all[l].bind.at[b]);
            if (this > best) {
                best = this;
                s->listener = l;
                s->bind_at = b;
            }
        }
    }
    s->matched = best != FIT_NONE;
    s->unclear = !s->matched && is_of_several(s, c);
}

void inherited_match(inherited *in, const conf *c)
{
    for (size_t i = 0; i < in->count; i++) {
        match(&in->at[i], c);
    }
}

/* ---- taking ---- */

size_t inherited_take(inherited *in, size_t listener, size_t bind_at, int *fds, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < in->count && count < room; i++) {
        inherited_socket *s = &in->at[i];
        if (s->fd >= 0 && s->matched && s->listener == listener && s->bind_at == bind_at) {
            fds[count++] = s->fd;
            s->fd = -1;
        }
    }
    return count;
}

/* ---- what is left ---- */

static void describe(const inherited_socket *s, char *text, size_t size)
{
    char address[ENDPOINT_TEXT_SIZE];
    endpoint_format(&(endpoint){s->at, s->at_size}, address);
    snprintf(text, size, "descriptor %d%s%s%s, listening at %s%s", s->given_as,
             s->name != NULL ? " (" : "", s->name != NULL ? s->name : "",
             s->name != NULL ? ")" : "", address,
             s->unclear ? ": the listener of that name has several others" : "");
}

void inherited_each_left(const inherited *in, void (*visit)(const char *what, void *arg), void *arg)
{
    for (size_t i = 0; i < in->count; i++) {
        char text[512];
        if (in->at[i].fd >= 0) {
            describe(&in->at[i], text, sizeof(text));
            visit(text, arg);
        }
    }
}

void inherited_dispose(inherited *in)
{
    for (size_t i = 0; i < in->count; i++) {
        if (in->at[i].fd >= 0) {
            close(in->at[i].fd);
        }
        free(in->at[i].name);
        free(in->at[i].bind);
    }
    free(in->at);
    *in = (inherited){0};
}
