/* SPDX-License-Identifier: Apache-2.0 */
/* A request on the interface `codes`: other servers and tools read and write this CMP's code
 * records (etc/openapi/codes.yaml).
 *
 * Reading goes the way of every look-up, through the same stores and caches: one look-up for each
 * ICI, on behalf of the request's transaction (PURPOSE_CODES). */
#pragma once

#include "pipeline/txn.h"

#include <cmp-kit/text.h>

#define CODES_BATCH_MAX 256           /* ICIs of one request */
#define CODES_ICI_MAX   ((size_t)256) /* octets of one (SPEC 2, as for parameters) */

typedef enum codes_operation {
    CODES_GET,
    CODES_LOOKUP,
    CODES_PUT,
    CODES_REMOVE,
} codes_operation;

typedef enum codes_state {
    CODES_NEW,
    CODES_UNDER_WAY,
    CODES_DONE,
} codes_state;

/* One ICI's look-up. */
typedef struct codes_reading {
    txn *parent;
    mc_request request; /* the parent's, with this ICI alone */
    asker asker;
    lookup lookup;
    bool done;
    cmp_str json; /* the record, in the parent's memory; absent: nobody holds the ICI */
} codes_reading;

typedef struct codes_write codes_write;

/* Made by the front in the transaction's memory. */
struct codes_request {
    codes_operation operation;
    const char *allow; /* methods of the path, for a 405 */
    cmp_str *icis;     /* of a list once it was read (step_list.c) */
    size_t count;
    cmp_str bearer; /* a token's text; absent: none came, so the listener's auth plugins are asked.
                       Valid until the first wait */

    codes_state state;
    codes_reading *reads;   /* by ICI */
    ask_together *together; /* the look-ups, by the store that has one */
    size_t pending;         /* look-ups that are not answered, and one more while they are begun */
    bool unavailable;       /* some store could not tell */
    size_t octets;          /* of the records that were found */
    codes_write *write;
};

static inline bool codes_ici_valid(cmp_str ici)
{
    return ici.size > 0 && ici.size <= CODES_ICI_MAX && kit_ascii_visible(ici);
}

static inline bool codes_writes(const codes_request *c)
{
    return c->operation == CODES_PUT || c->operation == CODES_REMOVE;
}

/* The bodies of RESULT_RECORDS. With `to` NULL nothing is written. */
size_t codes_encode(const codes_request *c, char *to);
