/* SPDX-License-Identifier: Apache-2.0 */
/* Balancers in front of a listener: who is behind them. */
#pragma once

#include "http/internal.h"

/* Reads the header of the PROXY protocol that a balancer's connection has to begin with, within the
 * handshake's time; then calls `known` with the source that it names, or closes. */
void balancer_await(connection *c, void (*known)(connection *c));

/* Turns the source of a connection into that of one of its requests, where the listener's balancers
 * tell it in a header field (mc-1 only): the last address that is none of theirs; the unspecified
 * one when that cannot be read. Leaves `source` alone where there is no such field. */
void balancer_source(const h2o_req_t *req, const listener *l, uint8_t source[16]);
