/* SPDX-License-Identifier: Apache-2.0 */
/* Servers for plugins that ask them, where several workers do so at once: whatever a request is, it
 * is answered with an empty JSON object, a moment later, on the loop of its worker. */
#pragma once

#include "host/host.h"

/* The services of CMP_SERVICE_HTTPS. What a plugin must not do with them, `misuse` is told. */
void servers_services(host *h);
