/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets of one worker: accepts, and stops for a while when there is no descriptor
 * left, as the kernel shows such a socket readable for ever. */
#pragma once

#include "http/sockets.h"

struct entrance;
struct server_worker;

typedef struct acceptors acceptors;

acceptors *acceptors_create(struct server_worker *sw);

/* Begins to accept on a socket, which it takes over. `urgent` ones may use the descriptors that are
 * kept back from the others. */
void acceptors_add(acceptors *a, struct entrance *e, int fd, bool urgent);

/* Listens on what was handed over, and nothing else but on urgent ones: begins with what is new,
 * for the entrances of those names, and closes what is gone, as acceptors_close does. */
void acceptors_take(acceptors *a, const sockets_hand *hand);

/* The worker is stuck: its sockets take no new connections until it moves again, which it notices
 * by itself. Any thread; the sockets of urgent ones stay. */
void acceptors_withdraw(acceptors *a);

/* Accepts whom the kernel has let in already, and closes the sockets. */
void acceptors_close(acceptors *a);

void acceptors_destroy(acceptors **a);
