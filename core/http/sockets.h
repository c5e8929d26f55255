/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: one for each worker and address (SO_REUSEPORT: the kernel spreads
 * connections). The control thread opens them, before privileges are dropped at a start and
 * whenever a configuration names new ones, and knows all that are open; the workers own those that
 * they were given, and close them.
 *
 * Control thread. */
#pragma once

#include "http/inherited.h"

typedef struct sockets sockets;

sockets *sockets_create(unsigned workers);

/* The next sockets_prepare takes sockets out of `in` instead of opening others; it is the caller's,
 * and may go after that. They are spread over the workers; where there are more workers than
 * sockets at an address, several share one. */
void sockets_inherit(sockets *s, inherited *in);

/* Opens what the configuration names and is not open yet, and does not listen there before it is in
 * force; a bind of the same text stays what it is, also when it goes over to a listener of another
 * name. False with errors in the report: then nothing is open that was not before. Otherwise one of
 * the next two is to be called. */
CMP_MUST_USE bool sockets_prepare(sockets *s, const conf *c, cmp_report *report);

/* The configuration is in force: what was opened for it listens, as is logged, or is closed again
 * after an error in the log, which nothing but another process at that port in between can cause.
 * What it does not name is known no longer, and is closed by its workers, which see that it is
 * missing from what they are handed. Returns a number for sockets_gone. */
unsigned sockets_commit(sockets *s);

/* It is not: what was opened for it is closed. */
void sockets_abandon(sockets *s);

/* Every worker has what it was handed after that commit, and after those before it. Until then what
 * was taken out may still be open, and its port is ours. */
void sockets_gone(sockets *s, unsigned commit);

/* What one worker is to listen on from now on, all of it. */
typedef struct sockets_hand {
    size_t count;
    struct handed_socket {
        char *listener; /* its name */
        int fd;         /* the worker's; one that it has already stays open */
        bool shared;    /* others accept on the same socket, by descriptors of their own */
    } at[];
} sockets_hand;

/* After sockets_commit; the caller's. The worker that takes it owns its sockets. */
sockets_hand *sockets_hand_make(sockets *s, unsigned worker);
void sockets_hand_destroy(sockets_hand **h);

/* Visits all that are open: the bind as the configuration has it, and the descriptor, which its
 * worker closes when a later configuration does not name it. */
void sockets_each(const sockets *s,
                  void (*visit)(const char *listener, const char *bind, unsigned worker, int fd,
                                void *arg),
                  void *arg);

/* Closes those that no worker was given. */
void sockets_destroy(sockets **s);

/* Warns of addresses that could not be bound now. Each is bound for a moment, and not listened
 * at. */
void sockets_check(const conf *c, cmp_report *report);
