/* SPDX-License-Identifier: Apache-2.0 */
/* See socket.h. */
#include "http/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* -1 when there can be none; errno says why. */
static int socket_new(const conf_bind *b)
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

static void share_port(int fd)
{
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

static bool socket_bind(int fd, const conf_bind *b)
{
    return bind(fd, (const struct sockaddr *)&b->at.at, b->at.size) == 0;
}

static void close_with(int fd, int error)
{
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
}

/* Accepted sockets inherit it; it has to be set before their windows are negotiated. */
void socket_set_buffer(int fd, int receive_buffer)
{
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
}

void socket_adopt(int fd, int receive_buffer)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* inherited as well */
    socket_set_buffer(fd, receive_buffer);
}

int socket_open(const conf_bind *b, int receive_buffer)
{
    const int fd = socket_new(b);
    if (fd < 0) {
        return -1;
    }
    /* A socket for each worker. One for all was shared badly: of two threads one got 364,000
     * requests, the other 37,000. */
    share_port(fd);
    socket_adopt(fd, receive_buffer);
    if (!socket_bind(fd, b)) {
        close_with(fd, errno);
        return -1;
    }
    return fd;
}

bool socket_listen(int fd)
{
    return listen(fd, SOCKET_BACKLOG) == 0;
}

bool socket_try(const conf_bind *b)
{
    const int fd = socket_new(b);
    const bool bound = fd >= 0 && socket_bind(fd, b);
    close_with(fd, errno);
    return bound;
}

bool socket_is_taken(const conf_bind *b)
{
    return !socket_try(b) && errno == EADDRINUSE;
}

int socket_choose_port(conf_bind *b)
{
    const int fd = socket_new(b);
    if (fd >= 0) {
        share_port(fd);
        if (socket_bind(fd, b)) {
            getsockname(fd, (struct sockaddr *)&b->at.at, &b->at.size);
        }
    }
    return fd;
}

/* shutdown(2) of a socket that listens ends just that, and keeps its address: it can listen again.
 */
void socket_withdraw(int fd)
{
    shutdown(fd, SHUT_RD);
}
