/* SPDX-License-Identifier: Apache-2.0 */
/* One request to the server: several ICIs, and the operations that wait for each of them. */
#pragma once

#include "remote.h"

#include <cmp-kit/arena.h>

/* A look-up under way; the operation's data. */
typedef struct waiting waiting;
struct waiting {
    cmp_op op;
    waiting *next, **previous; /* of those who wait for the same ICI */
};

typedef struct item {
    cmp_str ici;
    waiting *first; /* NULL: they have all gone */
    bool found;
    cmp_record record; /* valid as long as the question */
} item;

typedef struct question question;
struct question {
    question *next, **previous; /* in the worker's list */
    void *owner;                /* the worker */
    cmp_call *call;             /* once it was sent */
    cmp_timer *timer;           /* or it could not be signed */
    kit_arena memory;
    size_t count;
    item items[]; /* options.batch of them */
};

question *question_create(size_t items);

/* Nobody may wait for it any more. */
void question_destroy(question **q);

/* The item of that ICI, made when there is none. */
item *question_item(question *q, cmp_str ici);

/* Drops the items that nobody waits for. */
void question_compact(question *q);

/* Takes half of the items, which are two at least, into a question of their own. */
question *question_halve(question *q);

/* {"icis":[…]}, and the ICIs one a line. In the question's memory. */
cmp_str question_body(question *q);
cmp_str question_lines(question *q);

typedef enum answer_result {
    ANSWER_GOOD,
    ANSWER_PARTLY, /* a record cannot be read: found ones are good, nobody is known to be absent */
    ANSWER_BAD,    /* nothing of it is believed */
} answer_result;

/* Reads {"records":[…]} into the items. `why` is filled unless it is good. */
answer_result question_answer(question *q, const cmp_host *host, cmp_str body, char *why,
                              size_t why_size);
