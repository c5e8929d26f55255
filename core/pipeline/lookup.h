/* SPDX-License-Identifier: Apache-2.0 */
/* One look-up of an ICI: the stores in their order, through their caches. */
#pragma once

#include "pipeline/ask.h"
#include "pipeline/flights.h"
#include "pipeline/worker.h"

typedef struct lookup lookup;
struct lookup {
    asker *asker; /* whose `resume` is called when the look-up can go on */
    worker *worker;
    const chain *stores;
    int64_t begun_ms; /* clock_monotonic_ms: nobody sets the clock that caches go by */
    size_t at;        /* which of them is asked */
    bool failed;      /* one of those before could not tell */

    /* What each store said; NULL: nobody wants to know. */
    void (*told)(lookup *l, const instance *store, cmp_store_verdict verdict);

    const cmp_record *record; /* FOUND; octets as its store lends them (cmp_record) */

    /* with a cache */
    passenger passenger;
    bool landed; /* the flight that was waited for has brought `verdict` and `record` */
    cmp_store_verdict verdict;
};

/* Of these stores; `l` comes zeroed. The ICI is that of the asker's request, which came at
 * `begun_us` (clock_monotonic_us). */
void lookup_begin(lookup *l, asker *who, worker *w, const chain *stores, int64_t begun_us);

/* Goes on until a store knows the ICI, or all were asked. PENDING: the asker is resumed, and calls
 * this again. UNAVAILABLE: none knows it, and one could not tell, which is not the same as ABSENT.
 */
CMP_MUST_USE cmp_store_verdict lookup_run(lookup *l);

/* Nobody waits for it any more: leaves the flight that it leads or waits for. */
void lookup_abandon(lookup *l);
