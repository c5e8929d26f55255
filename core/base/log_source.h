/* SPDX-License-Identifier: Apache-2.0 */
/* The address of somebody outside as lines of the log show it: whole, its network, or not at all.
 * Any thread. */
#pragma once

#include "base/log.h"

#include <netinet/in.h>

#define LOG_SOURCE_SIZE (INET6_ADDRSTRLEN + 4)

/* How many bits of an address are shown from now on; 0: none is. All of them before. */
void log_source_setup(unsigned ipv4_bits, unsigned ipv6_bits);

/* Writes at most `bits` of an address, or of IPv4 all that is shown: "192.0.2.0/24", or an address
 * alone. "" when none is shown. */
void log_source_write(const uint8_t address[16], unsigned ipv6_bits, char text[LOG_SOURCE_SIZE]);

/* The field `source`, whose text is written to `text`; absent when none is shown. */
log_field log_source(const uint8_t address[16], char text[LOG_SOURCE_SIZE]);
