/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration's limits as one worker's connections and requests go by them. */
#pragma once

#include "conf/conf.h"
#include "http/hpack.h"
#include "http/meter.h"

typedef struct server_limits {
    uint64_t handshake_timeout_ms;
    int64_t handshakes_per_hour; /* of each listener */
    uint64_t request_timeout_ms, write_timeout_ms;
    uint64_t drain_ms;
    size_t head_max; /* of HTTP/1 */
    size_t body_max; /* that libh2o lets through: a frame more than we take, so that we answer */
    hpack_limits hpack;
    meter_limits meter;
    size_t request_max;         /* octets of a request that libh2o can keep before it is whole */
    size_t held_connection_max; /* octets that lie here for one connection */
    size_t held_source_max;     /* for all of one source in one worker */
    size_t held_max;            /* and for all of one worker */
} server_limits;

/* Those of one of so many workers. */
server_limits server_limits_of(const conf *c, unsigned workers);
