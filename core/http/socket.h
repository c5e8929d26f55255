/* SPDX-License-Identifier: Apache-2.0 */
/* One listening socket: how it is opened, and what the kernel is told of it. */
#pragma once

#include "conf/bind.h"

#define SOCKET_BACKLOG                                                                             \
    4096 /* net.core.somaxconn since Linux 5.4; the kernel takes the smaller one */

/* A socket that is bound to an address, in a group with others there (SO_REUSEPORT), with a receive
 * buffer of so many octets for what it accepts. It does not listen yet: the kernel gives it no
 * connections, and so none are reset when it is not wanted in the end. -1 when there can be none;
 * errno says why. */
int socket_open(const conf_bind *b, int receive_buffer);

/* Has it listen, for the first time or after socket_withdraw. False when the kernel refuses; errno
 * says why. Any thread. */
CMP_MUST_USE bool socket_listen(int fd);

/* Makes one that others have bound as socket_open does, as far as that can be done now. */
void socket_adopt(int fd, int receive_buffer);

/* Has what it accepts from now on have such a buffer. */
void socket_set_buffer(int fd, int receive_buffer);

/* Another socket, that shares its port with nobody, is there; or none can be had, for other
 * reasons. */
bool socket_is_taken(const conf_bind *b);

/* Has the kernel choose a port for port 0: the socket returned keeps it, and is in nobody's way. A
 * socket that was bound to port 0 itself would get another port when it comes back (socket_listen).
 * -1 when there can be none. */
int socket_choose_port(conf_bind *b);

/* Binds the address for a moment, to see whether it can be; errno says why not. */
CMP_MUST_USE bool socket_try(const conf_bind *b);

/* Takes a listening socket out of its group: those who wait in its queue are reset, and who comes
 * from now on gets to another worker. Any thread. */
void socket_withdraw(int fd);
