/* SPDX-License-Identifier: Apache-2.0 */
/* One origin's settings, TLS context and health, as the files of this folder see it. */
#pragma once

#include "base/endpoint.h"
#include "outbound/circuit.h"

#include <openssl/ssl.h>

struct cmp_origin {
    /* Lanes hold an origin too, but do not make it wanted: once its last owner has gone, nobody
     * probes it any more. */
    _Atomic unsigned owners, references;
    char *name;
    char *host; /* without brackets */
    char *authority;
    char *path;
    const char *sni; /* "" for an address: it is not allowed there (RFC 6066, 3) */
    uint16_t port;
    bool numeric; /* the host is an address: `fixed` */
    endpoint fixed;
    endpoint source; /* size 0: any */
    SSL_CTX *tls;
    char *server_name;
    unsigned connections_max, waiting_max;
    uint64_t connect_timeout_ms, idle_timeout_ms, resolve_interval_ms;
    breaker breaker;
};

origin *origin_hold(origin *o);
void origin_drop(origin **o);

static inline bool origin_wanted(const origin *o)
{
    return atomic_load_explicit(&o->owners, memory_order_relaxed) > 0;
}

/* origin_tls.c: the context for o->server_name. NULL after having filled `error`. */
SSL_CTX *origin_tls_create(const origin *o, const origin_options *options, char *error,
                           size_t error_size);
