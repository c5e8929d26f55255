/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that never end, on connections that a PING now and then keeps from being idle. */
#include "attack.h"

#define STREAMS   100          /* what libh2o allows at a time */
#define BODY_SIZE (79u * 1000) /* a little under what a listener takes by default */
#define TURN_MS   10
#define PING_EACH 50 /* turns */

/* As much of the bodies as the connection's window allows; the streams' are larger. */
static void put_bodies(client *c)
{
    static const uint8_t body[FRAME_MAX];
    while (c->window > 0 && (c->body_left > 0 || c->next_stream < 2 * STREAMS)) {
        if (c->body_left == 0) {
            put_post(c, "application/json", BODY_SIZE + 1, END_HEADERS);
            c->body_left = BODY_SIZE;
        }
        size_t part = c->body_left < sizeof(body) ? c->body_left : sizeof(body);
        part = (int64_t)part < c->window ? part : (size_t)c->window;
        put_frame(c, DATA, 0, c->next_stream - 2, body, part);
        c->body_left -= part;
        c->window -= (int64_t)part;
    }
}

static bool turn(client *c)
{
    put_bodies(c);
    if (c->step % PING_EACH == 0) {
        put_frame(c, PING, 0, 0, "12345678", 8);
    }
    return true;
}

const attack bodies_held = {
    .name = "bodies-held",
    .help = "100 bodies of 79 kB for each connection that never end, and PINGs",
    .carriage = CARRY_H2,
    .connections = 10,
    .reconnects = true,
    .turn_ms = TURN_MS,
    .turn = turn,
};
