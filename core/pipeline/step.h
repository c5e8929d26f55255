/* The steps of the pipeline: one function each; the table in pipeline.c puts them in order. */
#pragma once

#include "pipeline/ask.h"

typedef enum step_result {
    STEP_NEXT,  /* go on with the next step */
    STEP_WAIT,  /* a plugin answers later; this step runs again then */
    STEP_REPLY, /* the result stands in the transaction */
} step_result;

step_result step_admit(cmp_txn *t);        /* step_admit.c: limits */
step_result step_decode(cmp_txn *t);       /* step_message.c: octets to parameters */
step_result step_authenticate(cmp_txn *t); /* step_authenticate.c: who asks (9.3.2) */
step_result step_once(cmp_txn *t);         /* step_authenticate.c: not seen before */
step_result step_authorise(cmp_txn *t);    /* step_authorise.c: may it ask that */
step_result step_validate(cmp_txn *t);     /* step_message.c: Table 19 */
step_result step_address(cmp_txn *t);      /* step_address.c: hops, and `addr` */
step_result step_lookup(cmp_txn *t);       /* step_lookup.c: the stores */
step_result step_route(cmp_txn *t);        /* step_route.c: the routes */
step_result step_forward(cmp_txn *t);      /* step_forward.c: the next hop */
step_result step_codes(cmp_txn *t);        /* step_codes.c: records for other servers */

/* Ends a step with an error. `detail` is one sentence without a full stop; static. */
step_result step_refuse(cmp_txn *t, error_code code, cmp_str parameter, const char *detail);

/* The same with a Retry-After. */
step_result step_retry(cmp_txn *t, error_code code, unsigned after_s, const char *detail);

/* Ends a step with a record of this CMP's own: checks its validity and chooses the variant. */
step_result step_resolve(cmp_txn *t, const cmp_record *record);
