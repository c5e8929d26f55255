/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the addresses of listeners; http/sockets.c opens them. */
#include "conf/bind.h"

/* IPv6 needs brackets, or the port would be one more group of the address; IPv4 must have none. `*`
 * is one socket for both families, which `[::]` is not. */
bool bind_parse(const char *text, conf_bind *b)
{
    host_port parts;
    uint16_t port;
    if (!host_port_split(cmp_str_from(text), &parts) || !port_parse(parts.port, 0, &port)) {
        return false;
    }
    b->both_families = cmp_str_equal(parts.host, CMP_STR("*")) && !parts.bracketed;
    return endpoint_parse(b->both_families ? CMP_STR("::") : parts.host, port, &b->at) &&
           (parts.bracketed || b->both_families) == (b->at.at.ss_family == AF_INET6);
}
