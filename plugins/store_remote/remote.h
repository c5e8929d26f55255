/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin's files share: its options, its instance, a worker's state. */
#pragma once

#include <cmp-kit/trouble.h>
#include <cmp/plugin.h>

typedef struct tls_options {
    const char *ca, *crl, *certificate, *key, *server_name;
} tls_options;

typedef struct options {
    const char *url;
    const char *token;
    const char *peer;
    tls_options tls;
    int64_t timeout_ms;
    int64_t batch, waiting;
    int64_t connections;
    int64_t answer_bytes;
} options;

typedef struct remote {
    const cmp_host *host;
    const options *options;
    cmp_origin *origin;
    char *authorization; /* "Bearer …", wiped at the end; NULL: no token */
    kit_trouble failures;
    unsigned requests, lookups, failed; /* counters */
    unsigned under_way;                 /* a gauge */
    unsigned in_a_request;              /* a histogram */
} remote;
