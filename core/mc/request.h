/* What plugins see of an incoming request: the opaque cmp_txn of <cmp/base.h>.
 *
 * The pipeline's own transaction holds one; copies for the pool, look-ups of the interface codes,
 * and cmpctl make do with it alone. */
#pragma once

#include "mc/message.h"

#include <cmp/host.h>

struct cmp_txn {
    message message;
    uint8_t source[16];      /* IPv6 or IPv4-mapped */
    cmp_str listener;        /* its name; lives as long as the configuration */
    cmp_interface interface; /* on which it came */
    cmp_str requestor;       /* name of the authenticated peer; absent before, and for handsets */
    int64_t now_ms;          /* Unix time at which it came in */
    kit_arena *memory;       /* what txn_alloc gives out; lives at least as long as this struct */
};

/* Fills in the services of cmp_host that show a transaction. */
void request_services(cmp_host *host);

/* Copies all octets that the message borrows into the request's own memory. */
void request_own(cmp_txn *r);

/* A copy for another thread, in memory of its own. */
void request_copy(cmp_txn *to, const cmp_txn *from, kit_arena *memory);
