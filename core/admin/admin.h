/* SPDX-License-Identifier: Apache-2.0 */
/* The admin socket: how cmpctl asks the running daemon about itself. A unix socket, so file
 * permissions say who may. One worker serves it. */
#pragma once

#include "http/server.h"

typedef struct admin admin;

/* Whether the configured socket could be made; changes nothing. */
void admin_check(const conf *c, cmp_report *report);

/* Binds the configured socket, which was checked, readable and writable for its owner only, and
 * replaces one that nobody listens on any more. NULL when none is configured, or with errors in the
 * report. */
CMP_MUST_USE admin *admin_open(const conf *c, cmp_report *report);

/* Removes the socket. */
void admin_close(admin **a);

/* Serves it on a worker; call before its loop turns. */
void admin_serve(admin *a, server_worker *sw);

/* Registers what can be asked there; before workers start. */
void admin_register(server *s);
