/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 requests one behind the other, as many as the server takes. */
#include "attack.h"

static bool turn(client *c)
{
    while (c->out_size < FLOOD) {
        put_text(c, "GET ");
        put_text(c, words.target);
        put_text(c, " HTTP/1.1\r\nHost: ");
        put_text(c, words.authority);
        put_text(c, "\r\n\r\n");
    }
    return true;
}

const attack pipelining = {
    .name = "pipelining",
    .help = "HTTP/1.1 requests in a row, answers not read",
    .carriage = CARRY_H1,
    .connections = 100,
    .reconnects = true,
    .deaf = true,
    .turn = turn,
};

const attack pipelining_read = {
    .name = "pipelining-read",
    .help = "HTTP/1.1 requests in a row, answers read",
    .carriage = CARRY_H1,
    .connections = 10,
    .reconnects = true,
    .turn = turn,
};
