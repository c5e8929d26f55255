/* SPDX-License-Identifier: Apache-2.0 */
/* One listening socket: how it is opened, and what the kernel is told of it. */
#pragma once

#include "conf/bind.h"

/* A socket that listens at an address, in a group with others there (SO_REUSEPORT), with a receive
 * buffer of so many octets for what it accepts. -1 when there can be none; errno says why. */
int socket_listen(const conf_bind *b, int receive_buffer);

/* Makes one that others have bound as socket_listen does, as far as that can be done now. */
void socket_adopt(int fd, int receive_buffer);

/* Has what it accepts from now on have such a buffer. */
void socket_set_buffer(int fd, int receive_buffer);

/* Another socket, that shares its port with nobody, is there; or none can be had, for other
 * reasons. */
bool socket_is_taken(const conf_bind *b);

/* Has the kernel choose a port for port 0: the socket returned keeps it, and is in nobody's way. A
 * socket that was bound to port 0 itself would get another port when it comes back (socket_return).
 * -1 when there can be none. */
int socket_choose_port(conf_bind *b);

/* Binds the address for a moment, to see whether it can be; errno says why not. */
CMP_MUST_USE bool socket_try(const conf_bind *b);

/* Takes a listening socket out of its group: those who wait in its queue are reset, and who comes
 * from now on gets to another worker. Any thread. */
void socket_withdraw(int fd);

/* Puts it back. False when the kernel refuses; errno says why. Any thread. */
CMP_MUST_USE bool socket_return(int fd);
