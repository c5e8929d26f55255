/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as the core keeps them: 16 octets, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2). */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

bool address_is_v4(const uint8_t address[16]);

/* As people write it: an IPv4 address without the prefix that maps it. */
void address_format(const uint8_t address[16], char text[INET6_ADDRSTRLEN]);
