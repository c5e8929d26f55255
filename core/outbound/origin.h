/* SPDX-License-Identifier: Apache-2.0 */
/* One origin's settings, TLS context and health, as the files of this folder see it. */
#pragma once

#include "base/endpoint.h"
#include "base/file_set.h"
#include "base/tls_slot.h"
#include "outbound/circuit.h"

struct cmp_origin {
    /* Lanes hold an origin too, but do not make it wanted: once its last owner has gone, nobody
     * probes it any more. */
    _Atomic unsigned owners, references;
    char *name;
    bool of_plugin;
    char *host; /* without brackets */
    char *authority;
    char *path;
    const char *sni; /* "" for an address: it is not allowed there (RFC 6066, 3) */
    uint16_t port;
    bool numeric; /* the host is an address: `fixed` */
    endpoint fixed;
    endpoint source;                                  /* size 0: any */
    char *server_name, *ca, *crl, *certificate, *key; /* NULL, but for the first: none */
    tls_slot tls;
    file_set files;           /* all but lists (base/revocation.h); the control thread's */
    origin *next, **previous; /* in the list of all */
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

/* origin_tls.c: a context for o->server_name, by the files of its other names. NULL after having
 * filled `error`. */
SSL_CTX *origin_tls_create(const origin *o, char *error, size_t error_size);
