/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that trials put to plugins of every kind, and driving them to their answers. */
#pragma once

#include <cmp-test/test.h>

#define ASKING_KEY    "to-b"
#define ASKING_SECRET "0123456789abcdef0123456789abcdef"

/* A key between us and b; what it points to is static, but for `id`. */
cmp_key asking_key(const char *id, cmp_key_use use);

/* How many questions there are for a plugin: those that partners and handsets ask, and those that
 * only somebody asks who means harm. */
size_t asking_usual(const cmp_plugin *plugin);
size_t asking_hostile(const cmp_plugin *plugin);

/* Whether the question is for a signature of ours. */
bool asking_signs(const cmp_plugin *plugin, size_t question);

/* A question under way. */
typedef struct asking {
    cmp_test *t;
    const cmp_plugin *plugin;
    cmp_test_txn *txn;
    cmp_test_op *op;
    bool asked_a_server; /* while it was driven */
} asking;

/* Puts one of the questions, the usual ones first. */
asking asking_begin(cmp_test *t, const cmp_plugin *plugin, size_t question);

/* One turn of the host: answers a request to a server with `answer`, or lets 25 ms pass. */
void asking_turn(asking *a, const cmp_https_answer *answer);

/* Turns until it is answered; false when it is not after 10 s of the host's clock. */
bool asking_drive(asking *a, const cmp_https_answer *answer);

/* Cancels it if it is pending, and drives. */
bool asking_cancel(asking *a, const cmp_https_answer *answer);

/* Ends one that is answered. */
void asking_end(asking *a);

/* Lines of the log are the plugin's own business here. */
void asking_forget_log(cmp_test *t);

/* What it is, for people: "verify, question 3". Valid until the next call. */
const char *asking_name(const cmp_plugin *plugin, size_t question);

/* An answer with status 200 and an empty JSON object. */
extern const cmp_https_answer asking_empty;
