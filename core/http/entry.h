/* SPDX-License-Identifier: Apache-2.0 */
/* The way in, for a connection that was just accepted. */
#pragma once

#include "base/endpoint.h"
#include "http/internal.h"

/* Takes over an accepted socket: whose it is, a place at the gate, its turn, TLS or not, h2o. */
void entry_open(entrance *e, int fd, const endpoint *from);
