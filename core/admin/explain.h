/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl explain`: what would happen to a request, and why. */
#pragma once

#include <h2o.h>

/* Registers /explain?… (a handset asks) and /explain/as/PEER?… (a peer asks over MC-3). */
void explain_register(h2o_hostconf_t *host);
