/* SPDX-License-Identifier: Apache-2.0 */
/* Numeric addresses and ports: the one reader of what an operator, a URL or a socket says of them.
 */
#pragma once

#include <cmp/base.h>
#include <netinet/in.h>

/* Of IPv4 or IPv6, with a port; size 0: none. */
typedef struct endpoint {
    struct sockaddr_storage at;
    socklen_t size;
} endpoint;

/* Reads "192.0.2.1" or "2001:db8::1": no brackets, no zone, no name. False, and none, otherwise. */
CMP_MUST_USE bool endpoint_parse(cmp_str text, uint16_t port, endpoint *a);

uint16_t endpoint_port(const endpoint *a);

/* The octets of an address; of IPv4 as an IPv4-mapped one (RFC 4291, 2.5.5.2). */
void endpoint_octets(const endpoint *a, uint8_t octets[16]);

/* Writes an address in its canonical form, with its port: 192.0.2.1:80, [::1]:80. */
#define ENDPOINT_TEXT_SIZE 64
void endpoint_format(const endpoint *a, char text[ENDPOINT_TEXT_SIZE]);

/* The parts of "host", "host:port" and "[v6]:port", as they stand in a text. */
typedef struct host_port {
    cmp_str host; /* without brackets; not checked */
    cmp_str port; /* from its colon on; empty: none; not checked */
    bool bracketed;
} host_port;

/* False when a bracket is not closed. */
CMP_MUST_USE bool host_port_split(cmp_str text, host_port *parts);

/* Reads ":443". False when it is none, or less than `min`. */
CMP_MUST_USE bool port_parse(cmp_str text, uint16_t min, uint16_t *port);
