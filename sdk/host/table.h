/* SPDX-License-Identifier: Apache-2.0 */
/* Where a host begins: with the table that its plugin gets. */
#pragma once

#include "host/host.h"

/* Begins a host with the services that are always there (those that the program sets excepted) and
 * KEYRING and PEERS. The clock is that of timers on all of its loops. False with errno when the
 * kernel has no descriptors. */
CMP_MUST_USE bool host_init(host *h, void *owner,
                            void (*misuse)(host *h, const char *service, const char *how),
                            int64_t (*control_ms)(void *h), bool keeps);
