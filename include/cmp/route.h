/* SPDX-License-Identifier: Apache-2.0 */
/* Routing plugins: where a request goes that is not answered here. */
#pragma once

#include <cmp/record.h>

/* Why a route is asked. */
typedef enum cmp_route_reason {
    CMP_ROUTE_ADDRESSED,   /* the request's `addr` names another CMP; target = addr */
    CMP_ROUTE_TRANSFERRED, /* the record says where the content is now; target = that host */
    CMP_ROUTE_ABSENT,      /* no store knows the ICI, and the longest prefix that heads it is not
                              our own: that is unknown, and no route is asked; target is absent */
} cmp_route_reason;

typedef enum cmp_route_verdict {
    CMP_ROUTE_PENDING,     /* the answer comes later, through cmp_route_complete */
    CMP_ROUTE_DECLINE,     /* not for this route; the next one is asked */
    CMP_ROUTE_REFUSE,      /* the requestor gets answer->refusal */
    CMP_ROUTE_UNAVAILABLE, /* cannot tell now: 503 */
    CMP_ROUTE_FORWARD,     /* forward to answer->peer; the host does it */
    CMP_ROUTE_REFERRAL,    /* answer with a referral to answer->addr */
    CMP_ROUTE_ANSWER,      /* answer with answer->record */
} cmp_route_verdict;

/* The error code that the requestor gets, and its HTTP status. */
typedef enum cmp_refusal {
    CMP_REFUSE_ADDR_NOT_ALLOWED, /* 403 */
    CMP_REFUSE_NOT_ALLOWED,      /* 403 */
    CMP_REFUSE_UNKNOWN_ICI,      /* 404 */
} cmp_refusal;

/* Strings are valid until control is back in the loop of the worker that got the answer. */
typedef struct cmp_route_answer {
    cmp_str peer;        /* FORWARD: its name */
    cmp_str addr;        /* FORWARD: `addr` to send along, absent when the peer itself is meant;
                            REFERRAL: host of the CMP to ask */
    cmp_str prefix;      /* REFERRAL: the prefix that it is for; absent: this ICI alone */
    uint32_t ttl_s;      /* REFERRAL */
    bool lookup;         /* FORWARD: to a registry that may answer with a referral; it is believed,
                            remembered, and followed by the host */
    cmp_refusal refusal; /* REFUSE */
    const cmp_record *record; /* ANSWER; valid as the strings are, with all that it points to; not
                                 transferred: where that is now is told by FORWARD or REFERRAL */
} cmp_route_answer;

/* See cmp_auth_ops for `instance`, `worker` and threads. */
typedef struct cmp_route_ops {
    size_t size; /* of this struct, as the plugin was compiled */

    /* Decides where the request goes, which was authenticated, authorised and validated. `target`
     * is valid until the operation's end; *answer comes as zeros. */
    CMP_MUST_USE cmp_route_verdict (*route)(void *instance, void *worker, cmp_route_reason reason,
                                            cmp_str target, cmp_op op, cmp_route_answer *answer);

    /* As cmp_auth_ops.cancel. */
    void (*cancel)(void *instance, void *worker, cmp_op op, void *data);
} cmp_route_ops;
