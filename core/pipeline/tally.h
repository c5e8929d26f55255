/* SPDX-License-Identifier: Apache-2.0 */
/* What became of transactions, by interface, peer and end, and how long they and their waits took:
 * numbers of each thread, added up when somebody reads. Bounded: by the peers of the configuration,
 * not by what strangers send. */
#pragma once

#include "base/error.h"
#include "base/labels.h"
#include "observe/counters.h"
#include "outbound/outbound.h"

#include <cmp/key.h>
#include <cmp/message.h>

/* The ends of a transaction. */
typedef enum tally_end {
    TALLY_RESOLVED,
    TALLY_RELAYED,
    TALLY_REFERRAL,
    TALLY_RECORDS,
    TALLY_WRITTEN,
    TALLY_GONE,    /* its client went first */
    TALLY_PROBLEM, /* and, added to it, an error_code */
    TALLY_ENDS = TALLY_PROBLEM + ERROR_MAX
} tally_end;

/* The ends of an attempt to a next hop. */
typedef enum tally_attempt {
    TALLY_ANSWERED,
    TALLY_BUSY,       /* answered with 429 or 503 */
    TALLY_BAD_ANSWER, /* that is none; up to here it was there */
    TALLY_NOT_SENT,
    TALLY_BROKEN,
    TALLY_TIMEOUT,
    TALLY_ABANDONED, /* nobody waited for it any more */
    TALLY_ATTEMPTS
} tally_attempt;

/* The words of metrics; of all problems together that of TALLY_PROBLEM. */
extern const char *const tally_end_names[]; /* by tally_end */
/* Once, at the start. */
void tally_setup(void);

extern const char *const tally_attempt_names[]; /* by tally_attempt */

/* What a request is proven by, and its label: */
typedef enum tally_key {
    TALLY_KEY_ISSUED,   /* of its id */
    TALLY_KEY_RECEIVED, /* of its id and the peer who gave it to us */
    TALLY_TOKEN,        /* of its name */
    TALLY_KEYS
} tally_key;

/* Each on a worker's thread; no lock, and memory only for the first of a peer. `now_us` is Unix
 * time. */
void tally_transaction(cmp_interface interface, unsigned peer, unsigned end, int64_t took_us,
                       int64_t now_us);
void tally_wait(unsigned step, int64_t took_us);
void tally_attempt_begin(unsigned peer);
void tally_attempt_end(unsigned peer, tally_attempt how, int64_t took_us, int64_t now_us);

/* One transaction more, or less, that is under way; and one that was refused as its key's share of
 * the replay memory was full. */
void tally_under_way(int more);
void tally_replay_refused(void);

/* That a key was used, by its label, at a Unix time. */
void tally_key_used(tally_key kind, unsigned key, int64_t now_s);

/* The tid of a request that is a peer's for sure: a UUIDv7 tells what its clock showed. Looked at
 * once a second. */
void tally_tid(unsigned peer, cmp_str tid, int64_t now_ms);

/* ---- reading; any thread ---- */

#define TALLY_STEPS 16

/* One peer, all threads added up. */
typedef struct tally_peer {
    uint64_t transactions[CMP_INTERFACE_MAX][TALLY_ENDS];
    uint64_t attempts[TALLY_ATTEMPTS];
    int64_t in_flight;
    histogram_sums took; /* of attempts, in microseconds */

    /* Unix times of the last one that ended: it asked, and it answered, whatever it said; 0: none
     * yet. */
    int64_t asked_us, answered_us;
} tally_peer;

/* False: nothing was ever counted of it. */
bool tally_read_peer(unsigned peer, tally_peer *sums);

/* In microseconds: transactions of an interface, and waits in a step. */
void tally_read_duration(cmp_interface interface, histogram_sums *sums);
void tally_read_wait(unsigned step, histogram_sums *sums);

int64_t tally_read_under_way(void);
uint64_t tally_read_replay_refused(void);

/* Unix time; 0: never. */
int64_t tally_read_key(tally_key kind, unsigned key);

/* The same of a key of the keyring. False: there was no label left for it, and nobody knows. */
bool tally_read_last_use(const cmp_key *key, int64_t *used_s);

/* By how much the peer's clock was ahead of ours (behind: negative), by the last tid that told,
 * the way of its request included. False: none did. */
bool tally_read_clock(unsigned peer, int64_t *ahead_ms);
