/* SPDX-License-Identifier: Apache-2.0 */
/* See forwarded.h; read from the left, so that every address that is no balancer's takes the place
 * of the one before, and what cannot be read takes it away. */
#include "http/forwarded.h"

#include "base/endpoint.h"
#include "base/field.h"

#include <cmp-kit/text.h>

/* Cuts the next item of a list that knows no quotes: one that a client sent must not hide what a
 * balancer put behind it. */
static cmp_str item_cut(cmp_str *rest)
{
    const char *comma = memchr(rest->at, ',', rest->size);
    const size_t size = comma != NULL ? (size_t)(comma - rest->at) : rest->size;
    const cmp_str item = {rest->at, size};
    const size_t used = comma != NULL ? size + 1 : size;
    rest->at += used;
    rest->size -= used;
    return field_trim(item);
}

/* 192.0.2.1, 192.0.2.1:80, [2001:db8::1], [2001:db8::1]:80, and 2001:db8::1 where it is bare. */
static bool node_parse(cmp_str node, bool bare, uint8_t address[16])
{
    endpoint a;
    host_port parts;
    uint16_t port;
    if (!bare && node.size >= 2 && node.at[0] == '"' && node.at[node.size - 1] == '"') {
        node = (cmp_str){node.at + 1, node.size - 2};
    }
    const bool alone = bare && endpoint_parse(node, 0, &a);
    if (!alone && (!host_port_split(node, &parts) || !endpoint_parse(parts.host, 0, &a) ||
                   parts.bracketed != (a.at.ss_family == AF_INET6) ||
                   (parts.port.size != 0 && !port_parse(parts.port, 0, &port)))) {
        return false;
    }
    endpoint_octets(&a, address);
    return true;
}

/* The node that an element is about; absent when it says none, or two. */
static cmp_str node_of(cmp_str element, bool bare)
{
    cmp_str node = CMP_NONE;
    if (bare) {
        return element;
    }
    while (element.size > 0) {
        cmp_str pair = field_cut(&element, ';');
        const char *equals = memchr(pair.at, '=', pair.size);
        const size_t size = equals != NULL ? (size_t)(equals - pair.at) : 0;
        if (!kit_ascii_equal_fold((cmp_str){pair.at, size}, CMP_STR("for"))) {
            continue;
        }
        if (node.at != NULL) {
            return CMP_NONE;
        }
        node = (cmp_str){equals + 1, pair.size - size - 1};
    }
    return node;
}

void forwarded_read(forwarded_search *s, cmp_str value)
{
    while (value.size > 0) {
        const cmp_str element = s->bare ? item_cut(&value) : field_cut(&value, ',');
        if (element.size == 0) {
            continue; /* an empty element of a list is none (RFC 9110, 5.6.1) */
        }
        const cmp_str node = node_of(element, s->bare);
        uint8_t address[16];
        if (node.at == NULL || !node_parse(node, s->bare, address)) {
            s->found = false;
            s->unreadable = true;
            memset(s->source, 0, sizeof(s->source));
        } else if (kit_networks_find(s->networks, address, NULL, NULL) == KIT_NETWORK_NONE) {
            s->found = true;
            s->unreadable = false;
            memcpy(s->source, address, sizeof(s->source));
        }
    }
}
