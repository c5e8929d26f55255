/* SPDX-License-Identifier: Apache-2.0 */
/* Good questions over HTTP/1.1, one at a time on each connection: an attack only on what has to be
 * done for an answer. */
#include "attack.h"

static bool turn(client *c)
{
    if (c->open_streams == 0) {
        c->open_streams = 1;
        put_text(c, "GET ");
        put_text(c, words.target);
        put_text(c, " HTTP/1.1\r\nHost: ");
        put_text(c, words.authority);
        put_text(c, "\r\n\r\n");
    }
    return true;
}

const attack questions = {
    .name = "questions",
    .help = "good HTTP/1.1 requests, one at a time on each connection",
    .carriage = CARRY_H1,
    .connections = 400,
    .reconnects = true,
    .turn = turn,
};
