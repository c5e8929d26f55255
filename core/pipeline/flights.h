/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom: while a store is asked for an ICI, others who want the same wait for that
 * flight. One table for each store and worker, so without locks. */
#pragma once

#include <cmp/base.h>

#define FLIGHT_BUCKETS ((size_t)256)

typedef struct flight flight;

/* Part of a look-up; comes zeroed but for the ICI, which lives as long as this. */
typedef struct passenger passenger;
struct passenger {
    cmp_str ici;
    flight *flight; /* NULL: in none */
    passenger *next;
};

/* Comes zeroed. */
typedef struct flights {
    flight *buckets[FLIGHT_BUCKETS];
} flights;

/* Joins the flight for the passenger's ICI; false: there was none, and it now leads one. */
CMP_MUST_USE bool flight_join(flights *f, passenger *p);

/* Whether what the leader's flight brings may still be kept (no change came between). */
CMP_MUST_USE bool flight_current(const passenger *leader);

/* Ends the leader's flight. Returns those who waited for it, linked by `next`; they have left it.
 */
CMP_MUST_USE passenger *flight_end(passenger *leader);

/* p goes away: as a waiter it leaves; as a leader it ends the flight and gets the waiters, as
 * above. Fine when it is in none. */
CMP_MUST_USE passenger *flight_leave(passenger *p);

/* The ICI's record may have changed; absent: any may have. */
void flights_outdate(flights *f, cmp_str ici);
