/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol, versions 1 and 2: what a balancer says, before the client's own octets, about
 * where a connection comes from (haproxy.org, doc/proxy-protocol.txt). */
#pragma once

#include <cmp/base.h>

/* What we take at most, with all that version 2 may carry behind the addresses. */
#define PROXY_SIZE_MAX 4096

typedef enum proxy_state {
    PROXY_INCOMPLETE, /* good so far */
    PROXY_WHOLE,
    PROXY_BAD, /* no header, or one that says nonsense */
} proxy_state;

typedef enum proxy_origin {
    PROXY_ORIGIN_ADDRESS, /* `source` is the address behind */
    PROXY_ORIGIN_UNKNOWN, /* there is somebody behind, and it cannot be said who */
    PROXY_ORIGIN_LOCAL,   /* nobody is behind: the balancer itself, looking whether we live */
} proxy_origin;

typedef struct proxy_header {
    size_t size; /* of the header; what follows is the client's */
    proxy_origin origin;
    uint8_t source[16]; /* IPv4 is mapped */
} proxy_header;

/* Reads a header at the beginning of what has come; `header` is filled when it is whole. */
proxy_state proxy_read(const void *octets, size_t size, proxy_header *header);
