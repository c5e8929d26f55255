/* SPDX-License-Identifier: Apache-2.0 */
/* The admin socket: how cmpctl asks the running daemon about itself. A unix socket, so the kernel
 * says who asks, and rights.h what they may. All workers accept on it: with one that a plugin
 * holds, the others tell what is the matter. */
#pragma once

#include "http/server.h"

typedef struct admin admin;

/* Whether the configured socket could be made, or is there: `handed` is that of the process before
 * (-1: none). Changes nothing. */
void admin_check(const conf *c, int handed, cmp_report *report);

/* Binds the configured socket, which was checked, readable and writable for its owner only, and
 * replaces one that nobody listens on any more. Or takes *handed over, the socket of the process
 * before (-1: none), when it is at that path, and sets it to -1. NULL when none is configured, or
 * with errors in the report. */
CMP_MUST_USE admin *admin_open(const conf *c, int *handed, cmp_report *report);

/* Whether it is that of the process before. NULL: no. */
bool admin_is_handed(const admin *a);

/* For another process; stays the admin's. NULL: -1. */
int admin_descriptor(const admin *a);

/* It is this process's: when another one had it, that has let go of it. From now on it is open for
 * those who may have a right by that generation, and at the end it is removed. NULL is fine. */
void admin_own(admin *a, const generation *g);

/* The same for a generation that follows. NULL is fine. */
void admin_allow(const admin *a, const generation *g);

/* Another process serves it from now on: it is not to be removed. */
void admin_leave(admin *a);

/* Nobody is let in any more but by workers, until they drain. NULL is fine. */
void admin_withdraw(admin *a);

/* Removes the socket; not that of another process, which has taken its place. */
void admin_close(admin **a);

/* The socket once more, for a worker. -1: `a` is NULL, or it could not be had, as is logged. */
CMP_MUST_USE int admin_share(const admin *a);

/* Serves `fd`, a share, which is handed over, on a worker, whose thread this is. */
void admin_serve(const admin *a, int fd, server_worker *sw);

/* Registers what can be asked there; before workers start. */
void admin_register(server *s);
