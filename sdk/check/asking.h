/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that trials put to plugins of every kind, and driving them to their answers. */
#pragma once

#include <cmp-kit/signature.h>
#include <cmp-test/test.h>

#define ASKING_KEY    "to-b"
#define ASKING_SECRET "0123456789abcdef0123456789abcdef"

/* The signature of our key for a request; its size. */
size_t asking_sign(cmp_str tid, cmp_str ici, char text[KIT_SIGNATURE_TEXT_MAX]);

/* What a request has in the header field of that name. */
const char *asking_header(const char *name);

/* A key between us and b; what it points to is static, but for `id`. */
cmp_key asking_key(const char *id, cmp_key_use use);

/* How many questions there are for a plugin: those that partners and handsets ask, and those that
 * only somebody asks who means harm. */
size_t asking_usual(const cmp_plugin *plugin);
size_t asking_hostile(const cmp_plugin *plugin);

/* Whether the question is for a signature of ours. */
bool asking_signs(const cmp_plugin *plugin, size_t question);

/* What it is, for people: "verify, question 3". */
#define ASKING_NAME_SIZE 64
void asking_name(const cmp_plugin *plugin, size_t question, char name[ASKING_NAME_SIZE]);

/* A question under way. */
typedef struct asking {
    cmp_test *t;
    const cmp_plugin *plugin;
    char name[ASKING_NAME_SIZE];
    cmp_test_txn *txn;
    cmp_test_op *op;
    bool asked_a_server; /* while it was driven */
    int64_t held_us;     /* the longest that its worker was held at a time */
} asking;

/* Puts one of the questions, the usual ones first. */
asking asking_begin(cmp_test *t, const cmp_plugin *plugin, size_t question);

/* A look-up of any code. */
asking asking_lookup(cmp_test *t, const cmp_plugin *plugin, const char *ici);

/* One turn of the host: answers a request to a server with `answer`, or lets 25 ms pass. */
void asking_turn(asking *a, const cmp_https_answer *answer);

/* Turns until it is answered; false when it is not after 10 s of the host's clock. */
bool asking_drive(asking *a, const cmp_https_answer *answer);

/* Cancels it if it is pending, and drives; false as above. */
bool asking_cancel(asking *a, const cmp_https_answer *answer);

/* Ends one that is answered. */
void asking_end(asking *a);

/* Lines of the log are the plugin's own business here. */
void asking_forget_log(cmp_test *t);

/* An answer with status 200 and an empty JSON object. */
extern const cmp_https_answer asking_empty;
