/* SPDX-License-Identifier: Apache-2.0 */
/* How often a limit left no room, for those who watch: of the whole process, since its beginning.
 */
#pragma once

#include <stdint.h>

/* X(enumerator, word) */
#define REFUSALS(X)                                                                                \
    X(CONNECTIONS, "connections")                                                                  \
    X(TRANSACTIONS, "transactions")                                                                \
    X(BLOCKING, "blocking_threads") /* nor a place to wait for one */                              \
    X(REFERRALS, "referrals")       /* an older one gave way */                                    \
    X(HELD, "held")                 /* a connection was ended */                                   \
    X(PEER_RATE, "peer_rate")                                                                      \
    X(SOURCE_RATE, "source_rate")                                                                  \
    X(JOURNAL, "journal") /* a request was refused, as its record might find no room */

typedef enum limit_refusal {
#define X(name, word) REFUSAL_##name,
    REFUSALS(X)
#undef X
        REFUSAL_MAX
} limit_refusal;

extern const char *const refusal_words[]; /* by limit_refusal */

/* Any thread; no lock. */
void refusal_count(limit_refusal r);
uint64_t refusal_read(limit_refusal r);
