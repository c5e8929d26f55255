/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes numeric addresses; nothing here asks a resolver. */
#include "base/endpoint.h"

#include <cmp-kit/text.h>

#include <arpa/inet.h>
#include <stdio.h>

/* getaddrinfo would take more than is meant (127.1, zones, names), and might ask the network. A NUL
 * is looked for since inet_pton would stop at it, and take what stands before. */
bool endpoint_parse(cmp_str text, uint16_t port, endpoint *a)
{
    char copy[INET6_ADDRSTRLEN]; /* longer texts are no addresses */
    *a = (endpoint){.size = 0};
    if (text.size == 0 || text.size >= sizeof(copy) || memchr(text.at, '\0', text.size) != NULL) {
        return false;
    }
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a->at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->at;
    if (inet_pton(AF_INET, copy, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        a->size = sizeof(*v4);
    } else if (inet_pton(AF_INET6, copy, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        a->size = sizeof(*v6);
    }
    return a->size != 0;
}

uint16_t endpoint_port(const endpoint *a)
{
    return ntohs(a->at.ss_family == AF_INET ? ((const struct sockaddr_in *)&a->at)->sin_port
                                            : ((const struct sockaddr_in6 *)&a->at)->sin6_port);
}

/* One form for both families, so that tables and networks compare 16 octets and need not ask
 * which. */
void endpoint_octets(const endpoint *a, uint8_t octets[16])
{
    if (a->at.ss_family == AF_INET) {
        memset(octets, 0, 10);
        memset(octets + 10, 0xff, 2);
        memcpy(octets + 12, &((const struct sockaddr_in *)&a->at)->sin_addr, 4);
    } else {
        memcpy(octets, &((const struct sockaddr_in6 *)&a->at)->sin6_addr, 16);
    }
}

void endpoint_format(const endpoint *a, char text[ENDPOINT_TEXT_SIZE])
{
    const bool v4 = a->at.ss_family == AF_INET;
    char host[INET6_ADDRSTRLEN] = "";
    inet_ntop(a->at.ss_family,
              v4 ? (const void *)&((const struct sockaddr_in *)&a->at)->sin_addr
                 : (const void *)&((const struct sockaddr_in6 *)&a->at)->sin6_addr,
              host, sizeof(host));
    snprintf(text, ENDPOINT_TEXT_SIZE, v4 ? "%s:%u" : "[%s]:%u", host, endpoint_port(a));
}

/* An IPv6 address without brackets is cut at its first colon. What then stands for its port is one
 * that port_parse refuses. */
bool host_port_split(cmp_str text, host_port *parts)
{
    *parts = (host_port){.host = text};
    if (text.size == 0) {
        return true;
    }
    parts->bracketed = text.at[0] == '[';
    const char *until = memchr(text.at, parts->bracketed ? ']' : ':', text.size);
    if (until == NULL) {
        return !parts->bracketed;
    }
    const char *from = text.at + parts->bracketed, *rest = until + parts->bracketed;
    parts->host = (cmp_str){from, (size_t)(until - from)};
    parts->port = (cmp_str){rest, (size_t)(text.at + text.size - rest)};
    return true;
}

bool port_parse(cmp_str text, uint16_t min, uint16_t *port)
{
    int64_t number = 0;
    const bool good =
        text.size > 1 && text.at[0] == ':' &&
        kit_number_parse((cmp_str){text.at + 1, text.size - 1}, min, UINT16_MAX, &number);
    *port = (uint16_t)number;
    return good;
}
