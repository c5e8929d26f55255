/* SPDX-License-Identifier: Apache-2.0 */
/* What a transaction keeps for the journal until its end; accounting.c fills it in. */
#pragma once

#include <cmp/base.h>

typedef struct account_wait_of {
    const char *step;           /* static */
    uint32_t after_us, took_us; /* since the beginning */
    bool synchronous;
} account_wait_of;

typedef struct account {
    int64_t begun_us; /* Unix time of the turn in which the request came */
    int64_t since_us; /* of a sampled one's step; clock_monotonic_us */
    size_t octets_in, octets_sent;
    const char *decided_by;      /* a store's or route's name; NULL: none decided */
    const char *plugin, *reason; /* of a rejection; in the transaction's memory */
    unsigned attempts;
    unsigned wait_count;
    bool begun, sampled;
    account_wait_of *waits; /* in the transaction's memory; NULL: there were none */
} account;
