/* See linger.h. Whoever floods gets a small part of what a connection costs: there are a few of
 * these in a worker, each for a short time, and the oldest gives way to a new one. */
#include "http/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MS     2000 /* ten ways there and back of a slow network */
#define LINGER_OCTETS ((size_t)1024 * 1024)

int linger_keep(const connection *c)
{
    const int fd = fcntl(h2o_socket_get_fd(c->socket), F_DUPFD_CLOEXEC, 3);
    if (fd >= c->sw->server->descriptors_end) { /* those are for what is under way */
        close(fd);
        return -1;
    }
    return fd;
}

static void end(lingering *l)
{
    if (l->timer != NULL) {
        loop_timer_stop(l->timer);
    }
    if (l->socket != NULL) {
        h2o_socket_close(l->socket);
    }
    *l = (lingering){.socket = NULL};
}

static void on_late(void *arg)
{
    lingering *l = arg;
    l->timer = NULL; /* it has run out */
    end(l);
}

/* The kernel throws away; nothing is copied. */
static void on_readable(h2o_socket_t *socket, const char *error)
{
    lingering *l = socket->data;
    const ssize_t got = recv(h2o_socket_get_fd(socket), NULL, l->left, MSG_DONTWAIT | MSG_TRUNC);
    const bool nothing_yet = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (error != NULL || (got <= 0 && !nothing_yet) || (got > 0 && (size_t)got >= l->left)) {
        end(l);
    } else if (got > 0) {
        l->left -= (size_t)got;
    }
}

void linger_start(server_worker *sw, int fd)
{
    if (fd < 0) {
        return;
    }
    if (sw->draining || shutdown(fd, SHUT_WR) != 0) {
        close(fd);
        return;
    }
    lingering *l = &sw->lingering[sw->lingering_next++ % LINGER_MAX];
    end(l);
    l->left = LINGER_OCTETS;
    l->socket = h2o_evloop_socket_create(sw->context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    l->socket->data = l;
    l->timer = loop_timer_start(sw->worker->loop, LINGER_MS, on_late, l);
    h2o_socket_read_start(l->socket, on_readable);
}

void linger_stop(server_worker *sw)
{
    for (size_t i = 0; i < LINGER_MAX; i++) {
        end(&sw->lingering[i]);
    }
}
