/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets that the process was given instead of binding them: by a service manager
 * (daemon/activation.h), or by the process that it follows (daemon/handover.h).
 *
 * Control thread. */
#pragma once

#include "conf/conf.h"

#include <sys/socket.h>

typedef struct inherited_socket {
    int fd;       /* -1: taken */
    int given_as; /* its number when it came, for messages */
    char *name;   /* what the giver calls it, perhaps a listener's name; NULL: nothing */
    char *bind;   /* the address by which that listener's configuration had it bound; or NULL */
    struct sockaddr_storage at;
    socklen_t at_size;
    bool v6_only;
    uint64_t cookie;          /* the kernel's own name for it */
    size_t listener, bind_at; /* whose it is: inherited_match */
    bool matched;
    bool unclear; /* not matched, as the listener of its name has several addresses */
} inherited_socket;

/* Zeroed: none. */
typedef struct inherited {
    inherited_socket *at;
    size_t count;
} inherited;

/* Adds one, whose descriptor it takes over and makes fit for us (not blocking, closed on exec); one
 * that is there already is closed. `name` and `bind` may be NULL, and are copied. False with the
 * reason in `error`, and the descriptor left alone: it is no TCP socket that listens. */
CMP_MUST_USE bool inherited_add(inherited *in, int fd, const char *name, const char *bind,
                                char *error, size_t error_size);

/* Whether a socket of the process before has that port: it goes when that process does, and shares
 * the port until then. One that a service manager gave is nobody's who would. */
bool inherited_has_port(const inherited *in, uint16_t port);

/* Finds the listener of each: the one by whose address it was bound; else the one that has its
 * address; else the one of its name, when that has a single address. */
void inherited_match(inherited *in, const conf *c);

/* Takes out the sockets of one address of one listener, at most `room`, into `fds`, which are then
 * the caller's. Returns how many. */
size_t inherited_take(inherited *in, size_t listener, size_t bind_at, int *fds, size_t room);

/* Calls back for each that nobody has taken: `what` says which it is. */
void inherited_each_left(const inherited *in, void (*visit)(const char *what, void *arg),
                         void *arg);

/* Closes those that nobody has taken. */
void inherited_dispose(inherited *in);
