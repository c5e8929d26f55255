/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/1.1 of https_server.h, by hand: a library would not say what is wrong here. */
#include "https_visitor.h"

#include <stdio.h>
#include <stdlib.h>

static void h1_answer(visitor *v, const char *method, const char *path, const char *body)
{
    char answer[8192];
    if (https_wants(path, "busy")) {
        https_write(v, "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    } else if (https_wants(path, "chunked")) {
        https_write(v, "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Enco");
        https_write(v, "ding: chunked\r\nContent-Type: text/plain\r\n\r\n5\r\nhel");
        https_write(v, "lo\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n");
    } else if (https_wants(path, "both")) {
        https_write(v,
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n");
    } else if (https_wants(path, "more")) {
        https_write(v, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
    } else if (https_wants(path, "half")) {
        https_write(v, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    } else if (https_wants(path, "late")) {
        https_write(v, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    } else if (https_wants(path, "garbage")) {
        https_write(v, "SSH-2.0-OpenSSH_9.2\r\n");
    } else if (https_wants(path, "big")) {
        https_write(v, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxx");
        memset(answer, 'x', sizeof(answer));
        SSL_write(v->ssl, answer, sizeof(answer));
    } else if (https_wants(path, "fields")) {
        https_write(v, "HTTP/1.1 200 OK\r\nX-Filler: ");
        memset(answer, 'f', sizeof(answer));
        for (int i = 0; i < 10; i++) {
            SSL_write(v->ssl, answer, sizeof(answer));
        }
        https_write(v, "\r\nContent-Length: 0\r\n\r\n");
    } else if (https_wants(path, "close") || https_wants(path, "cut")) {
        https_write(v, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end");
        v->ended = true;
    } else {
        const int size = snprintf(answer, sizeof(answer), "%s %s %s", method, path, body);
        char head[160];
        snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                 size);
        https_write(v, head);
        SSL_write(v->ssl, answer, size);
    }
}

/* One request; its body is as long as Content-Length says. */
static bool h1_read(visitor *v, char *in, size_t room)
{
    size_t used = 0;
    for (;;) {
        const int size = SSL_read(v->ssl, in + used, (int)(room - used - 1));
        if (size <= 0) {
            return false;
        }
        used += (size_t)size;
        in[used] = '\0';
        const char *end = strstr(in, "\r\n\r\n"), *length = strstr(in, "Content-Length: ");
        if (end != NULL &&
            strlen(end + 4) >= (length != NULL ? strtoul(length + 16, NULL, 10) : 0)) {
            return true;
        }
    }
}

void https_visit_h1(visitor *v)
{
    char in[8192], method[8], path[1024];
    while (!v->ended && h1_read(v, in, sizeof(in)) && sscanf(in, "%7s %1023s", method, path) == 2) {
        atomic_fetch_add(&v->server->requests, 1);
        snprintf(v->last, sizeof(v->last), "%s", path);
        if (https_wants(path, "drop")) {
            v->ended = true;
        } else if (!https_wants(path, "silent")) {
            h1_answer(v, method, path, strstr(in, "\r\n\r\n") + 4);
        }
    }
}
