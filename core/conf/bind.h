/* Where a listener listens: "0.0.0.0:8443", "[::]:8443", or "*:8443" for both families. */
#pragma once

#include <cmp/base.h>

typedef struct conf_bind {
    bool v6;             /* an IPv6 socket; IPv4 never comes in on it */
    uint8_t address[16]; /* IPv4: the first four octets */
    uint16_t port;       /* 0: any free one */
} conf_bind;

#define BIND_MAX 2

/* Reads one text; returns how many sockets it stands for, 0 when it is no good. */
size_t bind_parse(const char *text, conf_bind binds[BIND_MAX]);

/* Writes one socket's address in its one canonical form. */
#define BIND_TEXT_SIZE 64
void bind_format(const conf_bind *b, char text[BIND_TEXT_SIZE]);
