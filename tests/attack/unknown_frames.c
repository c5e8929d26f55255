/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of types that nobody knows, to be ignored (RFC 9113, 5.5). */
#include "attack.h"

#define UNKNOWN 0x42

static bool turn(client *c)
{
    while (c->out_size < FLOOD) {
        put_frame(c, UNKNOWN, 0, 0, "sixteen octets..", 16);
    }
    return true;
}

const attack unknown_frames = {
    .name = "unknown-frames",
    .help = "frames of an unknown type",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .turn = turn,
};
