/* SPDX-License-Identifier: Apache-2.0 */
/* See linger.h. Whoever floods gets a small part of what a connection costs: there are a few of
 * these in a worker, each for a short time, and the oldest gives way to a new one.
 *
 * What lies in the kernel's buffer is thrown away at a slow pace: who can go on to send without a
 * pause does not come to read. */
#include "http/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACE_MS     20
#define LOOKS       100 /* two seconds: ten ways there and back of a slow network */
#define DISCARD_MAX ((size_t)1024 * 1024) /* more than the kernel holds of a connection */

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
        close(l->fd);
        l->timer = NULL;
    }
}

/* False at the client's end. The kernel throws away; nothing is copied. */
static bool discard(int fd)
{
    const ssize_t got = recv(fd, NULL, DISCARD_MAX, MSG_DONTWAIT | MSG_TRUNC);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void on_look(void *arg)
{
    lingering *l = arg;
    l->timer = NULL;
    if (discard(l->fd) && --l->looks > 0) {
        l->timer = loop_timer_start(l->sw->worker->loop, PACE_MS, on_look, l);
    } else {
        close(l->fd);
    }
}

void linger_start(server_worker *sw, int fd)
{
    if (fd < 0) {
        return;
    }
    if (sw->drain.ending || shutdown(fd, SHUT_WR) != 0) {
        close(fd);
        return;
    }
    lingering *l = &sw->lingering[sw->lingering_next++ % LINGER_MAX];
    end(l);
    *l = (lingering){.sw = sw, .fd = fd, .looks = LOOKS};
    l->timer = loop_timer_start(sw->worker->loop, 0, on_look, l);
}

void linger_stop(server_worker *sw)
{
    for (size_t i = 0; i < LINGER_MAX; i++) {
        end(&sw->lingering[i]);
    }
}
