/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets of one worker: accepts, and stops for a while when there is no descriptor
 * left, as the kernel shows such a socket readable for ever. */
#pragma once

#include "http/sockets.h"

struct entrance;
struct server_worker;

typedef struct acceptors acceptors;

acceptors *acceptors_create(struct server_worker *sw);

typedef enum acceptor_kind {
    ACCEPTOR_OWN,    /* the worker's alone */
    ACCEPTOR_SHARED, /* others accept on the same socket: it is never withdrawn */
    ACCEPTOR_URGENT, /* shared as well, and may use the descriptors that are kept back */
} acceptor_kind;

/* Begins to accept on a socket, which it takes over. */
void acceptors_add(acceptors *a, struct entrance *e, int fd, acceptor_kind kind);

/* Listens on what was handed over, and nothing else but on urgent ones: begins with what is new,
 * for the entrances of those names, and closes what is gone when those are in whom the kernel has
 * let in already. */
void acceptors_take(acceptors *a, const sockets_hand *hand);

/* The worker is stuck: its sockets take no new connections until it moves again, which it notices
 * by itself. Only those that are its own. Any thread. */
void acceptors_withdraw(acceptors *a);

/* Another process accepts on the same sockets from now on: they are not withdrawn any more. Any
 * thread. */
void acceptors_keep(acceptors *a, bool keep);

/* Accepts whom the kernel has let in already, and closes the sockets. */
void acceptors_close(acceptors *a);

void acceptors_destroy(acceptors **a);
