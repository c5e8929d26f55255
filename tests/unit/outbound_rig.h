/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the outbound client share: a worker with one origin, calls, and what came of them.
 */
#pragma once

#include "outbound/origin.h"
#include "scratch.h"

#include "https_server.h"
#include "outbound/wire.h"

#define PATIENCE_MS 10000 /* for what comes by itself, however busy the machine is */

typedef struct rig {
    loop *l;
    pool *p;
    outbound *o;
    origin *to;
} rig;

typedef struct outcome {
    unsigned times;
    unsigned place; /* among all outcomes */
    cmp_https_result result;
    char detail[128];
    int status;
    char type[64];
    unsigned retry_after_s;
    size_t size;
    char body[512];
} outcome;

/* Group setup and its end: a folder of their own, with certificates. */
int outbound_enter(void **state);
int outbound_leave(void **state);

/* A server on loopback, and limits that no test comes near to. */
origin_options options_for(uint16_t port, char url[64]);

rig rig_make(const origin_options *options);
rig rig_for(const https_server *s);
void rig_end(rig *r);

outbound_call *begin_request(rig *r, const cmp_https_request *request, outcome *out);

/* A GET with that query, or with none. */
outbound_call *begin(rig *r, const char *query, uint64_t timeout_ms, outcome *out);
void wait_for(rig *r, const outcome *out);

/* Both of them, with patience; the second for any request. */
outcome ask(rig *r, const char *query);
outcome ask_for(rig *r, const cmp_https_request *request);

/* An answer may be there before its request counts as written; until then nothing more is. */
void wait_until_written(rig *r);

void run_for(rig *r, uint64_t ms);
uint64_t now_ms(void);

/* What its timers go by: the time at the last turn's beginning. */
uint64_t loop_ms(const rig *r);

/* Nobody else is given the port while it is kept, and a connection to it is refused. */
int port_keep(uint16_t *port);

/* Takes TCP connections (the kernel does) and never says anything. */
int mute_listen(uint16_t *port);

#define assert_outcome(out, expected)                                                              \
    do {                                                                                           \
        const outcome seen_ = (out);                                                               \
        if (seen_.result != (expected)) {                                                          \
            fail_msg("%s: %s %d: %s", #expected, #out, (int)seen_.result, seen_.detail);           \
        }                                                                                          \
    } while (0)
