/* SPDX-License-Identifier: Apache-2.0 */
/* See proxy.h; pure text and octets, asked by balancer.c whenever more has come. */
#include "http/proxy.h"

#include "base/address.h"
#include "base/endpoint.h"

#include <cmp-kit/text.h>

/* ---- version 1: a line ---- */

#define V1_SIZE_MAX 107 /* the longest line there can be, with CR LF (2.1) */
#define V1_HEAD     "PROXY "

/* Cuts the next word, which a single space ends, or the line's end does. */
static cmp_str next_word(cmp_str *rest)
{
    const char *space = memchr(rest->at, ' ', rest->size);
    const size_t size = space != NULL ? (size_t)(space - rest->at) : rest->size;
    const cmp_str word = {rest->at, size};
    const size_t used = space != NULL ? size + 1 : size;
    rest->at += used;
    rest->size -= used;
    return word;
}

static bool address_read(cmp_str word, int family, uint8_t address[16])
{
    endpoint a;
    if (!endpoint_parse(word, 0, &a) || a.at.ss_family != family) {
        return false;
    }
    endpoint_octets(&a, address);
    return true;
}

/* Decimal without a leading zero. */
static bool port_valid(cmp_str word)
{
    int64_t port;
    return kit_number_parse(word, 0, UINT16_MAX, &port) && (word.size == 1 || word.at[0] != '0');
}

/* What stands between "PROXY " and CR LF. */
static bool v1_line_read(cmp_str line, proxy_header *h)
{
    const cmp_str protocol = next_word(&line);
    if (cmp_str_equal(protocol, CMP_STR("UNKNOWN"))) {
        h->origin = PROXY_ORIGIN_UNKNOWN; /* the rest is to be ignored */
        return true;
    }
    const bool v4 = cmp_str_equal(protocol, CMP_STR("TCP4"));
    if (!v4 && !cmp_str_equal(protocol, CMP_STR("TCP6"))) {
        return false;
    }
    const int family = v4 ? AF_INET : AF_INET6;
    uint8_t target[16];
    const cmp_str from = next_word(&line), to = next_word(&line), port = next_word(&line);
    if (!address_read(from, family, h->source) || !address_read(to, family, target) ||
        !port_valid(port) || !port_valid(line)) {
        return false;
    }
    h->origin = PROXY_ORIGIN_ADDRESS;
    return true;
}

static proxy_state v1_read(const char *at, size_t size, proxy_header *h)
{
    const size_t head = sizeof(V1_HEAD) - 1;
    if (memcmp(at, V1_HEAD, size < head ? size : head) != 0) {
        return PROXY_BAD;
    }
    const size_t seen = size < V1_SIZE_MAX ? size : V1_SIZE_MAX;
    const char *cr = memchr(at, '\r', seen);
    if (cr == NULL) {
        return seen == V1_SIZE_MAX ? PROXY_BAD : PROXY_INCOMPLETE;
    }
    const size_t line = (size_t)(cr - at);
    if (line + 2 > seen) {
        return line + 2 > V1_SIZE_MAX ? PROXY_BAD : PROXY_INCOMPLETE;
    }
    if (cr[1] != '\n' || line < head) {
        return PROXY_BAD;
    }
    h->size = line + 2;
    return v1_line_read((cmp_str){at + head, line - head}, h) ? PROXY_WHOLE : PROXY_BAD;
}

/* ---- version 2: octets ---- */

#define V2_HEAD_SIZE    16 /* signature, version and command, family and transport, length */
#define V2_COMMAND_AT   12
#define V2_FAMILY_AT    13
#define V2_LENGTH_AT    14

#define V2_LOCAL        0x20 /* version 2 in the high half */
#define V2_PROXY        0x21

#define V2_ADDRESSES_V4 12 /* both addresses, both ports */
#define V2_ADDRESSES_V6 36

static const uint8_t signature[12] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                      0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

static void take_v4(const uint8_t *octets, uint8_t source[16])
{
    struct sockaddr_in *v4;
    endpoint a = {.size = sizeof(*v4)};
    v4 = (struct sockaddr_in *)&a.at;
    v4->sin_family = AF_INET;
    memcpy(&v4->sin_addr, octets, sizeof(v4->sin_addr));
    endpoint_octets(&a, source);
}

/* `family` is the address family in the high half, and a transport: unspecified, stream, datagram
 * (a balancer that takes QUIC speaks TCP to us). */
static bool v2_addresses_read(uint8_t family, const uint8_t *at, size_t size, proxy_header *h)
{
    if ((family & 0x0F) > 2) {
        return false;
    }
    h->origin = PROXY_ORIGIN_UNKNOWN;
    switch (family >> 4) {
    case 0: /* unspecified */
    case 3: /* a unix socket, which tells nothing about where the client is */
        return true;
    case 1:
        h->origin = PROXY_ORIGIN_ADDRESS;
        if (size >= V2_ADDRESSES_V4) {
            take_v4(at, h->source);
        }
        return size >= V2_ADDRESSES_V4;
    case 2:
        h->origin = PROXY_ORIGIN_ADDRESS;
        if (size >= V2_ADDRESSES_V6) {
            memcpy(h->source, at, 16);
        }
        return size >= V2_ADDRESSES_V6;
    default:
        return false;
    }
}

static proxy_state v2_read(const uint8_t *at, size_t size, proxy_header *h)
{
    if (memcmp(at, signature, size < sizeof(signature) ? size : sizeof(signature)) != 0) {
        return PROXY_BAD;
    }
    if (size > V2_COMMAND_AT && at[V2_COMMAND_AT] != V2_LOCAL && at[V2_COMMAND_AT] != V2_PROXY) {
        return PROXY_BAD;
    }
    if (size < V2_HEAD_SIZE) {
        return PROXY_INCOMPLETE;
    }
    const size_t length = (size_t)at[V2_LENGTH_AT] << 8 | at[V2_LENGTH_AT + 1];
    h->size = V2_HEAD_SIZE + length;
    if (h->size > PROXY_SIZE_MAX) {
        return PROXY_BAD;
    }
    if (size < h->size) {
        return PROXY_INCOMPLETE;
    }
    if (at[V2_COMMAND_AT] == V2_LOCAL) { /* whatever else it says is to be ignored (2.2) */
        h->origin = PROXY_ORIGIN_LOCAL;
        return PROXY_WHOLE;
    }
    return v2_addresses_read(at[V2_FAMILY_AT], at + V2_HEAD_SIZE, length, h) ? PROXY_WHOLE
                                                                             : PROXY_BAD;
}

proxy_state proxy_read(const void *octets, size_t size, proxy_header *header)
{
    *header = (proxy_header){.size = 0};
    if (size == 0) {
        return PROXY_INCOMPLETE;
    }
    return *(const char *)octets == V1_HEAD[0] ? v1_read(octets, size, header)
                                               : v2_read(octets, size, header);
}
