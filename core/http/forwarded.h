/* SPDX-License-Identifier: Apache-2.0 */
/* Forwarded (RFC 7239) and X-Forwarded-For: the address behind a chain of balancers.
 *
 * Each one appends whom it saw, so only the end of the list is worth anything: the last address
 * that is no balancer's own, with nothing unreadable behind it. */
#pragma once

#include <cmp-kit/networks.h>

typedef struct forwarded_search {
    const kit_networks *networks; /* of the balancers */
    bool bare;                    /* addresses alone (X-Forwarded-For), not for=… */
    bool found, unreadable;       /* at most one of them; neither: nothing but balancers */
    uint8_t source[16];           /* when found; IPv4 is mapped */
} forwarded_search;

/* Reads one field's value; several fields of one name in their order. */
void forwarded_read(forwarded_search *s, cmp_str value);
