/* Reads the addresses of listeners; what they mean as sockets is the listener's business. */
#include "conf/bind.h"

#include <cmp-kit/text.h>

#include <arpa/inet.h>
#include <stdio.h>

/* Address texts are short; longer ones are none. */
static bool parse_address(cmp_str text, int family, uint8_t address[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (text.size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    return inet_pton(family, copy, address) == 1;
}

size_t bind_parse(const char *text, conf_bind binds[BIND_MAX])
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (colon == NULL || !kit_number_parse(cmp_str_from(colon + 1), 0, UINT16_MAX, &port)) {
        return 0;
    }
    const cmp_str host = {text, (size_t)(colon - text)};
    binds[0] = (conf_bind){.port = (uint16_t)port};
    if (cmp_str_equal(host, CMP_STR("*"))) {
        binds[1] = (conf_bind){.v6 = true, .port = (uint16_t)port};
        return 2;
    }
    if (host.size > 2 && host.at[0] == '[' && host.at[host.size - 1] == ']') {
        binds[0].v6 = true;
        return parse_address((cmp_str){host.at + 1, host.size - 2}, AF_INET6, binds[0].address);
    }
    return parse_address(host, AF_INET, binds[0].address);
}

void bind_format(const conf_bind *b, char text[BIND_TEXT_SIZE])
{
    char address[INET6_ADDRSTRLEN] = "";
    inet_ntop(b->v6 ? AF_INET6 : AF_INET, b->address, address, sizeof(address));
    snprintf(text, BIND_TEXT_SIZE, b->v6 ? "[%s]:%u" : "%s:%u", address, b->port);
}
