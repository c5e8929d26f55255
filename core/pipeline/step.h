/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of the pipeline: one function each; the table in pipeline.c puts them in order. */
#pragma once

#include "base/refusals.h"
#include "pipeline/txn.h"

typedef enum step_result {
    STEP_NEXT,  /* go on with the next step */
    STEP_WAIT,  /* a plugin answers later; this step runs again then */
    STEP_REPLY, /* the result stands in the transaction */
} step_result;

/* One file each, of the same name. */
step_result step_admit(txn *t);        /* is there room */
step_result step_source(txn *t);       /* MC-1: not too often */
step_result step_decode(txn *t);       /* octets to parameters */
step_result step_signed_list(txn *t);  /* the ICIs of a list, if a signature covers them */
step_result step_authenticate(txn *t); /* who asks (9.3.2) */
step_result step_once(txn *t);         /* not seen before */
step_result step_authorise(txn *t);    /* may it ask that */
step_result step_validate(txn *t);     /* Table 19 */
step_result step_address(txn *t);      /* hops, and `addr` */
step_result step_lookup(txn *t);       /* the stores */
step_result step_route(txn *t);        /* the routes */
step_result step_forward(txn *t);      /* the next hop */
step_result step_list(txn *t);         /* the ICIs of a list, each of them once */
step_result step_codes(txn *t);        /* records for other servers */

/* Beside a step that may wait: nobody waits any more. What it has begun ends by itself, and nothing
 * of it comes back to the transaction. */
void step_ask_abandon(txn *t); /* of those that wait for a plugin, and for nothing else */
void step_lookup_abandon(txn *t);
void step_forward_abandon(txn *t);
void step_codes_abandon(txn *t);

/* Ends a step with an error. `detail` is one sentence without a full stop, static or
 * in the transaction's memory. */
step_result step_refuse(txn *t, error_code code, cmp_str parameter, const char *detail);

/* The same with a Retry-After. */
step_result step_retry(txn *t, error_code code, unsigned after_s, const char *detail);

/* Goes on, or ends a step as too many requests by that limit: it may come again in `wait_ms`, when
 * that is not 0. */
step_result step_rate(txn *t, limit_refusal limit, int64_t wait_ms);

/* A parameter is at fault. */
step_result step_fault(txn *t, const fault *f);

/* Ends a step with a record of this CMP's own, when it is valid now. */
step_result step_resolve(txn *t, const cmp_record *record);
