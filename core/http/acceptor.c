/* SPDX-License-Identifier: Apache-2.0 */
/* See acceptor.h; the first to know of a connection. What is refused here or by entry_open
 * costs two system calls. */
#include "http/acceptor.h"

#include "base/log_limit.h"
#include "http/entrance.h"
#include "http/entry.h"
#include "http/socket.h"
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 16  /* chosen, not measured: those who are in want their turn as well */
#define PAUSE_MS         100 /* some will have been closed by then */

typedef struct acceptor acceptor;
struct acceptor {
    acceptors *all;
    entrance *entrance;
    h2o_socket_t *socket;
    acceptor_kind kind;
    cmp_timer *closing; /* it goes when its queue is empty; NULL: it stays */
    int left;           /* then: so many fit in that queue, and no more are taken */
    acceptor *next;
};

struct acceptors {
    server_worker *sw;
    cmp_timer *pause;
    bool short_of; /* descriptors, since the last connection */
    unsigned count_pauses;
    pthread_mutex_t lock; /* the list, against acceptors_withdraw; and `kept` */
    bool kept;
    acceptor *first;
};

static log_limit exhausted = {.level = CMP_LOG_ERROR,
                              .area = "http",
                              .what = "lines about descriptors",
                              .each = LOG_EACH_MINUTE,
                              .all = LOG_ALL_TOGETHER};

static void on_accept(h2o_socket_t *listening, const char *error);

static void on_pause_over(void *arg)
{
    acceptors *all = arg;
    all->pause = NULL;
    for (acceptor *a = all->first; a != NULL; a = a->next) {
        h2o_socket_read_start(a->socket, on_accept);
    }
}

/* All of them: what one gets next, another would lack. */
static void pause_all(acceptors *all, const char *why)
{
    if (all->pause != NULL) {
        return;
    }
    for (acceptor *a = all->first; a != NULL; a = a->next) {
        h2o_socket_read_stop(a->socket);
    }
    all->pause = loop_timer_start(all->sw->worker->loop, PAUSE_MS, on_pause_over, all);
    counter_add(all->count_pauses, 1);
    if (!all->short_of) {
        all->short_of = true;
        log_limited(&exhausted, CMP_NONE, NULL, NULL, 0,
                    "no new connections for now: %s; raise the limit of open files (LimitNOFILE), "
                    "or lower limits.connections",
                    why);
    }
}

/* It was withdrawn, and now its worker moves again. */
static bool come_back(const acceptor *a)
{
    const bool listens = socket_listen(h2o_socket_get_fd(a->socket));
    if (listens) {
        log_notice("http", "worker %u takes new connections again on listener %s",
                   a->all->sw->worker->index, a->entrance->name.at);
    } else {
        pause_all(a->all, strerror(errno));
    }
    return listens;
}

/* Whether there may be more to accept. */
static bool accept_one(acceptor *a)
{
    endpoint from = {.size = sizeof(from.at)};
    const int fd = accept4(h2o_socket_get_fd(a->socket), (struct sockaddr *)&from.at, &from.size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    /* The kernel gives the lowest free number, so the number tells how many are taken. */
    if (fd >= 0 && fd >= a->all->sw->server->descriptors_end && a->kind != ACCEPTOR_URGENT) {
        close(fd);
        pause_all(a->all, "the last descriptors are for what is under way");
        return false;
    }
    if (fd >= 0) {
        a->all->short_of = false;
        entry_open(a->entrance, fd, &from);
        return true;
    }
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        pause_all(a->all, strerror(errno));
        return false;
    case EAGAIN:
        return false;
    case EINVAL:
        return come_back(a);
    default: /* what went wrong with that one connection before it got here (accept(2)) */
        return true;
    }
}

/* Whether there may be more. */
static bool accept_up_to(acceptor *a, int count)
{
    while (count > 0 && accept_one(a)) {
        count--;
    }
    return count == 0;
}

/* Of a shared socket one only: whoever wakes up first would take them all. */
static void on_accept(h2o_socket_t *listening, const char *error)
{
    if (error == NULL) {
        acceptor *a = listening->data;
        accept_up_to(a, a->kind == ACCEPTOR_OWN ? ACCEPTS_PER_TURN : 1);
    }
}

acceptors *acceptors_create(server_worker *sw)
{
    acceptors *all = kit_calloc(1, sizeof(*all));
    all->sw = sw;
    all->count_pauses = counter_register("connections", "pauses",
                                         "times that nothing was accepted for lack of descriptors");
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

void acceptors_add(acceptors *all, entrance *e, int fd, acceptor_kind kind)
{
    acceptor *a = kit_calloc(1, sizeof(*a));
    *a = (acceptor){.all = all, .entrance = e, .kind = kind};
    a->socket = h2o_evloop_socket_create(all->sw->context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    a->socket->data = a;
    h2o_socket_read_start(a->socket, on_accept);
    pthread_mutex_lock(&all->lock);
    a->next = all->first;
    all->first = a;
    pthread_mutex_unlock(&all->lock);
}

static void close_one(acceptor *a)
{
    acceptors *all = a->all;
    acceptor **at = &all->first;
    while (*at != a) {
        at = &(*at)->next;
    }
    pthread_mutex_lock(&all->lock);
    *at = a->next;
    h2o_socket_close(a->socket);
    pthread_mutex_unlock(&all->lock);
    free(a);
}

static void on_closing(void *arg);

/* Closing a socket that listens resets all who wait in its queue, for whom the handshake of TCP is
 * done: they are taken in first, some in each turn. As many as fit in it; who comes meanwhile would
 * keep us for ever. False: it has closed. */
static bool empty_some(acceptor *a)
{
    const int some = a->left < ACCEPTS_PER_TURN ? a->left : ACCEPTS_PER_TURN;
    if (some > 0 && accept_up_to(a, some)) {
        a->left -= some;
        a->closing = loop_timer_start(a->all->sw->worker->loop, 0, on_closing, a);
        return true;
    }
    entrance_let_go(a->entrance);
    close_one(a);
    return false;
}

static void on_closing(void *arg)
{
    empty_some(arg);
}

static bool close_soon(acceptor *a)
{
    a->left = SOCKET_BACKLOG + 1;
    entrance_hold(a->entrance);
    return empty_some(a);
}

static const struct handed_socket *find(const sockets_hand *hand, const acceptor *a)
{
    for (size_t i = 0; i < hand->count; i++) {
        if (hand->at[i].fd == h2o_socket_get_fd(a->socket)) {
            return &hand->at[i];
        }
    }
    return NULL;
}

static bool has(const acceptors *all, int fd)
{
    const acceptor *a = all->first;
    while (a != NULL && h2o_socket_get_fd(a->socket) != fd) {
        a = a->next;
    }
    return a != NULL;
}

void acceptors_take(acceptors *all, const sockets_hand *hand)
{
    for (acceptor **at = &all->first; *at != NULL;) {
        const struct handed_socket *h = find(hand, *at);
        if (h == NULL && (*at)->kind != ACCEPTOR_URGENT && (*at)->closing == NULL &&
            !close_soon(*at)) {
            continue;
        }
        if (h != NULL) {
            (*at)->entrance = entrance_find(all->sw, h->listener);
        }
        at = &(*at)->next;
    }
    for (size_t i = 0; i < hand->count; i++) {
        if (!has(all, hand->at[i].fd)) {
            acceptors_add(all, entrance_find(all->sw, hand->at[i].listener), hand->at[i].fd,
                          hand->at[i].shared ? ACCEPTOR_SHARED : ACCEPTOR_OWN);
        }
    }
}

void acceptors_withdraw(acceptors *all)
{
    pthread_mutex_lock(&all->lock);
    for (acceptor *a = all->first; a != NULL && !all->kept; a = a->next) {
        if (a->kind == ACCEPTOR_OWN) {
            socket_withdraw(h2o_socket_get_fd(a->socket));
        }
    }
    pthread_mutex_unlock(&all->lock);
}

void acceptors_keep(acceptors *all, bool keep)
{
    pthread_mutex_lock(&all->lock);
    all->kept = keep;
    pthread_mutex_unlock(&all->lock);
}

void acceptors_close(acceptors *all)
{
    for (acceptor *a = all->first, *next; a != NULL; a = next) {
        next = a->next;
        accept_up_to(a, SOCKET_BACKLOG + 1); /* at once: all who are there end soon */
        if (a->closing != NULL) {
            loop_timer_stop(a->closing);
            entrance_let_go(a->entrance);
        }
        close_one(a);
    }
    if (all->pause != NULL) {
        loop_timer_stop(all->pause);
        all->pause = NULL;
    }
}

void acceptors_destroy(acceptors **a)
{
    pthread_mutex_destroy(&(*a)->lock);
    free(*a);
    *a = NULL;
}
