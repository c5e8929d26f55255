/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of libcmp-embed share. */
#pragma once

#include <cmp-embed/embed.h>

#include "host/ops.h"
#include "host/pool.h"
#include "peers/replay.h"

struct cmp_embed_replay {
    replay *memory;
};

struct cmp_embed {
    host host; /* its owner is this */
    cmp_embed_settings settings;
    kit_arena memory; /* of peers and names */
    pthread_t control;
    host_pool *pool;
    cmp_embed_replay *replay; /* NULL: none is kept */
    cmp_embed_replay *own_replay;
};

struct cmp_embed_call {
    cmp_embed_worker *worker;
    host_op *op;
    void (*run)(void *arg, cmp_embed_answer *answer);
    void *arg;
    cmp_timer *deadline;
    TAILQ_ENTRY(cmp_embed_call) entry;
};

struct cmp_embed_worker {
    host_worker worker; /* its host's owner is `embed` */
    cmp_embed *embed;
    host_op *last; /* whose answer the program may still look at; NULL: none */
    bool lookups;  /* some were begun that wait for the end of the turn */
    TAILQ_HEAD(, cmp_embed_call) calls;
};

/* cmp_embed_open, in a host that `extend` may give further services, and another `misuse`; NULL: as
 * it is. */
cmp_embed *embed_open(const char *folder, const char *name, const char *options,
                      const cmp_embed_settings *settings, void (*extend)(host *h),
                      cmp_embed_error *error);

/* Writes to the program's log. */
void embed_log(const cmp_embed *e, cmp_log_level level, const char *format, ...) CMP_PRINTF(3, 4);

/* Fills an error from one line, and from all that was reported. */
void embed_fail(cmp_embed_error *error, const char *format, ...) CMP_PRINTF(2, 3);
void embed_fail_report(cmp_embed_error *error, const cmp_report *report);

/* Reads the program's request into the operation's own. False with the answer filled. */
CMP_MUST_USE bool embed_read(host_op *op, const cmp_embed_request *request,
                             cmp_embed_answer *answer);

/* Whether what is to be asked is as plugins expect it. False with the answer filled. */
CMP_MUST_USE bool embed_bounded(host_op *op, host_ask ask, cmp_embed_answer *answer);

/* Makes the answer of what the plugin has said. `op` NULL: it has said nothing in time. */
void embed_answer(cmp_embed *e, host_op *op, host_ask ask, cmp_embed_answer *answer);

/* Writes an answer as far as the program knows it. */
void embed_hand_over(const cmp_embed_answer *answer, cmp_embed_answer *to);

/* The end of a worker's turn, for stores whose look-ups wait for it. */
void embed_turn_end(cmp_embed_worker *w);

/* Answers that the time is over; the plugin has yet to come to its end. */
void embed_give_up(cmp_embed_call *c);
