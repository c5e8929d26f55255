/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: bound by the control thread before privileges are dropped, one for each worker
 * and address (SO_REUSEPORT: the kernel spreads connections). */
#pragma once

#include "conf/conf.h"

typedef struct sockets {
    int *at;          /* [worker * count + i] */
    size_t *listener; /* of the i-th: its place in the configuration's listeners */
    size_t count;     /* addresses of all listeners together */
    unsigned workers;
} sockets;

/* Binds all addresses. False with errors in the report; sockets_close is to be called in either
 * case. With port 0 the kernel's choice is logged. */
bool sockets_open(sockets *s, const conf *c, unsigned workers, cmp_report *report);
void sockets_close(sockets *s);

/* Warns of addresses that could not be bound now. Each is bound for a moment, and not listened
 * at. */
void sockets_check(const conf *c, cmp_report *report);

/* Takes a listening socket out of its group: those who wait in its queue are reset, and who comes
 * from now on gets to another worker. Any thread. */
void socket_withdraw(int fd);

/* Puts it back. False when the kernel refuses; errno says why. */
CMP_MUST_USE bool socket_return(int fd);
