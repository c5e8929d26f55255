/* SPDX-License-Identifier: Apache-2.0 */
/* Where a listener listens: "0.0.0.0:8443", "[::]:8443", or "*:8443" for both families. */
#pragma once

#include "base/endpoint.h"

typedef struct conf_bind {
    endpoint at;        /* port 0: any free one */
    bool both_families; /* IPv4 comes in on the IPv6 socket as well, which it does not otherwise */
} conf_bind;

/* False when the text is none. */
CMP_MUST_USE bool bind_parse(const char *text, conf_bind *b);
