/* SPDX-License-Identifier: Apache-2.0 */
/* See log_source.h. */
#include "base/log_source.h"

#include "base/address.h"

#include <stdatomic.h>
#include <stdio.h>

#define IPV4_BITS 32
#define IPV6_BITS 128

/* A reload changes them while others log. */
static _Atomic unsigned shown_ipv4 = IPV4_BITS, shown_ipv6 = IPV6_BITS;

void log_source_setup(unsigned ipv4_bits, unsigned ipv6_bits)
{
    atomic_store_explicit(&shown_ipv4, ipv4_bits, memory_order_relaxed);
    atomic_store_explicit(&shown_ipv6, ipv6_bits, memory_order_relaxed);
}

/* The first bits of 16 octets, and zeros. */
static void cut(const uint8_t from[16], unsigned bits, uint8_t to[16])
{
    memset(to, 0, 16);
    memcpy(to, from, bits / 8);
    if (bits % 8 != 0) {
        to[bits / 8] = (uint8_t)(from[bits / 8] & 0xff << (8 - bits % 8));
    }
}

void log_source_write(const uint8_t address[16], unsigned ipv6_bits, char text[LOG_SOURCE_SIZE])
{
    const bool v4 = address_is_v4(address);
    const unsigned all = v4 ? IPV4_BITS : IPV6_BITS;
    unsigned bits = atomic_load_explicit(v4 ? &shown_ipv4 : &shown_ipv6, memory_order_relaxed);
    bits = !v4 && ipv6_bits < bits ? ipv6_bits : bits;
    text[0] = '\0';
    if (bits == 0) {
        return;
    }
    uint8_t network[16];
    cut(address, IPV6_BITS - all + bits, network); /* IPv4 lies in the last four octets */
    address_format(network, text);
    if (bits < all) {
        const size_t size = strlen(text);
        snprintf(text + size, LOG_SOURCE_SIZE - size, "/%u", bits);
    }
}

log_field log_source(const uint8_t address[16], char text[LOG_SOURCE_SIZE])
{
    log_source_write(address, IPV6_BITS, text);
    return (log_field){"source", text[0] != '\0' ? cmp_str_from(text) : CMP_NONE};
}
