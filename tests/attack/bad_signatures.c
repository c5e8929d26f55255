/* SPDX-License-Identifier: Apache-2.0 */
/* Good requests in every respect but the signature: the target says which. */
#include "attack.h"

#define STREAMS_MAX 64

static bool turn(client *c)
{
    while (c->open_streams < STREAMS_MAX && c->out_size < FLOOD) {
        put_request(c, "GET", END_HEADERS | END_STREAM);
    }
    return true;
}

const attack bad_signatures = {
    .name = "bad-signatures",
    .help = "requests that are refused, as many as are answered",
    .carriage = CARRY_H2,
    .connections = 4,
    .reconnects = true,
    .turn = turn,
};
