/* SPDX-License-Identifier: Apache-2.0 */
/* The list that libh2o keeps of its HTTP/2 connections: who is in it has not been freed, whatever
 * becomes of its socket. libh2o does what it does to all that are in it; so those that are meant
 * are left alone in it for a moment. */
#pragma once

#include "http/internal.h"

/* libh2o has just taken this one. */
void h2_list_entered(connection *c);

/* Sends GOAWAY, once, to a connection that is in the list. */
void h2_list_goodbye(connection *c);

/* Takes up to `most` from the front that this round has not seen, calls `begin` for each of them,
 * `request` for each of their requests, `end` for each of them, and puts them at the end. How many
 * there were; 0: the round has seen all. None of these closes a connection. */
typedef struct h2_list_visit {
    void (*begin)(connection *c);
    int (*request)(h2o_req_t *req, void *arg);
    void (*end)(connection *c, void *arg);
    void *arg;
} h2_list_visit;
size_t h2_list_some(server_worker *sw, size_t most, const h2_list_visit *v);
