/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of libcmp-test share. */
#pragma once

#include <cmp-test/test.h>

#include "host/ops.h"
#include "host/table.h"
#include "host/worker.h"

#define LEVELS (CMP_LOG_DEBUG + 1)

/* Texts that were written, one a line. */
typedef struct texts {
    char *at; /* NULL: none yet */
    size_t size, room;
    unsigned count;
} texts;

/* Something that waits for the pool. */
typedef struct job {
    void (*work)(void *arg), (*done)(void *arg);
    void *arg;
    const cmp_loop *loop;
    STAILQ_ENTRY(job) entry;
} job;

struct cmp_origin {
    cmp_test *test;
    kit_arena memory;
    cmp_origin_options options;
    TAILQ_ENTRY(cmp_origin) entry;
};

struct cmp_call {
    cmp_test *test;
    kit_arena memory;
    cmp_https_request request;
    void (*done)(void *arg, const cmp_https_answer *answer);
    void *arg;
    TAILQ_ENTRY(cmp_call) entry;
};

struct cmp_test {
    host *host;                /* its owner is the test */
    host_worker *worker;       /* NULL: none runs */
    int64_t start_us, stop_us; /* that its worker_start took, and the last one's worker_stop */
    cmp_purpose purpose;
    uint32_t services;
    unsigned minor; /* of the ABI, as the plugin sees it */
    char *folder;
    int64_t now_ms;
    uint64_t random_state; /* `random` is a fixed sequence */
    texts log[LEVELS], changed, shown;
    cmp_report report;

    bool hold, pool_full;
    unsigned refused; /* jobs, by a full pool */
    int64_t away_us;  /* went by in the pool, on the control thread and in waiting: no worker's */
    STAILQ_HEAD(, job) jobs;
    unsigned job_count;

    uint64_t command; /* the id of the last one */
    cmp_test_command_end command_state;
    char command_text[CMP_COMMAND_TEXT_MAX + 1];

    kit_arena peer_memory;
    const char *origin_error;
    TAILQ_HEAD(, cmp_origin) origins;
    TAILQ_HEAD(, cmp_call) calls;
    TAILQ_HEAD(, cmp_test_op) ops;
    unsigned call_count, txn_count, op_count;
    bool turn_asked; /* a look-up answered PENDING since the last turn */
};

struct cmp_test_txn {
    cmp_test *test;
    kit_arena memory;
    host_pieces pieces; /* of answers at once, whose operations have ended */
    mc_request request;
    cmp_pair contextual[CONTEXTUAL_MAX];
    cmp_pair headers[CMP_AUTH_HEADERS_MAX];
    uint32_t consumed;
};

struct cmp_test_op {
    cmp_test *test;
    host_op *op; /* NULL: it went with its worker */
    cmp_test_txn *txn;
    bool own_txn;
    kit_arena shown; /* a copy of the request, and what it is about: gone when it has ended */
    int verdict;
    TAILQ_ENTRY(cmp_test_op) entry;
};

/* Says what is wrong and ends the program. */
_Noreturn void test_die(const char *format, ...) CMP_PRINTF(1, 2);

void texts_add(texts *t, const char *line, size_t size);
void texts_clear(texts *t);
const char *texts_all(const texts *t);

/* Runs what waits for the pool and the worker, unless the test holds it. */
void test_settle(cmp_test *t);
void test_run_jobs(cmp_test *t);

/* The services of each part. */
void test_said_services(cmp_host *table);
void test_job_services(cmp_host *table);
void test_https_services(cmp_host *table);
void test_command_services(cmp_host *table);

/* Ends the table where the host's minor does, and whether a plugin is not newer; reported. */
void test_minor_table(const cmp_test *t, cmp_host *table);
CMP_MUST_USE bool test_minor_takes(cmp_test *t);

static inline cmp_test *test_of(const cmp_host *table)
{
    return (cmp_test *)host_of(table)->owner;
}
