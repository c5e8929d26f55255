/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a plugin: at once, later, or on the pool when it blocks. Steps see one way only.
 *
 * Whoever asks holds an *asker*. It calls ask_… for the plugin whose turn it is. PENDING means that
 * it has to wait; when the answer is there `resume` is called, the asker asks again in the same
 * words, and gets it. The operation itself lies in the desk's memory (desk.h); a plugin holds no
 * more than a handle of it. */
#pragma once

#include "pipeline/desk.h"

/* What an asker has to know to do. All on the worker's thread. */
typedef struct asker_ops {
    /* What the request borrows may go away: copies it, once. Before anything may wait. */
    void (*keep)(asker *a);

    /* The answer is there: ask again. */
    void (*resume)(asker *a);

    /* An operation that was abandoned has come back. */
    void (*let_go)(asker *a);
} asker_ops;

struct asker {
    const asker_ops *ops;
    desk *desk;
    mc_request *request;    /* what plugins are shown */
    ask *ask;               /* the operation under way, or the last one; NULL: there was none */
    unsigned *held;         /* counts abandoned operations that plugins have yet to complete: until
                               then, what they were shown has to stay */
    ask_together *together; /* with the other askers of the transaction, as long as what they
                               were shown; one for each plugin that they ask. NULL: it is alone */
};

/* Each returns the verdict. *answer is valid until the asker asks again or control is back in the
 * loop. */
CMP_MUST_USE cmp_auth_verdict ask_verify(asker *a, instance *i, const cmp_auth_answer **answer);
CMP_MUST_USE cmp_sign_verdict ask_sign(asker *a, instance *i, const cmp_outgoing *outgoing,
                                       const cmp_signature **signature);

/* For the request's ICI. */
CMP_MUST_USE cmp_store_verdict ask_lookup(asker *a, instance *i, const cmp_record **record);

/* `target` is read after the request was kept: it may be part of what is. */
CMP_MUST_USE cmp_route_verdict ask_route(asker *a, instance *i, cmp_route_reason reason,
                                         const cmp_str *target, const cmp_route_answer **answer);

/* Whether the last verdict stands for an answer that was none: the plugin is at fault, and not
 * unavailable. */
bool ask_went_wrong(const asker *a);

/* Counts and logs that the last answer is of no use here, though it was well-formed: `wrong` names
 * the field. */
void ask_reject(const asker *a, const char *wrong);

/* Nobody waits for the answer any more: cancels the operation, if one is under way. */
void ask_abandon(asker *a);

/* The asker goes away: gives its operation back. */
void ask_end(asker *a);

/* The completion: gives the answer to whoever waits for it. */
void ask_complete(ask *a, int verdict, const void *answer);

/* Fills in the services of cmp_host that take a handle. */
void ask_services(cmp_host *host);

/* Fills in cmp_host.log: see log_service.c. */
void log_services(cmp_host *host);
