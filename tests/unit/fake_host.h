/* SPDX-License-Identifier: Apache-2.0 */
/* A host for one plugin instance under test: fills struct cmp_host without a daemon.
 *
 *     fake_host f;
 *     fake_host_init(&f);
 *     f.keys = keys, f.key_count = 2;                  what the plugin shall find
 *     void *instance = fake_host_open(&f, &cmp_plugin_descriptor, &options);
 *     … call the vtable with instance, f.worker, fake_txn_of(&txn), &op.op …
 *     fake_host_expect_log(&f, CMP_LOG_ERROR, "line 3");
 *     fake_host_close(&f);
 *     fake_host_dispose(&f);                           ends the program on an unexpected error log
 *
 * Everything runs on the test's own thread: nothing happens by itself. Time moves only with
 * fake_host_advance, descriptors are looked at only in fake_host_run, requests to servers are
 * answered only by fake_host_answer. */
#pragma once

#include <cmp-kit/arena.h>
#include <cmp/plugin.h>

enum {
    FAKE_COUNTERS_MAX = 16,
    FAKE_TIMERS_MAX = 32,
    FAKE_WATCHES_MAX = 16,
    FAKE_JOBS_MAX = 32,
    FAKE_CALLS_MAX = 8,
    FAKE_HEADERS_MAX = 8,
    FAKE_TEXT_MAX = 16384,
};

#define FAKE_COMMAND UINT64_C(4711) /* the id of every command */

typedef enum fake_command_state {
    FAKE_COMMAND_NONE,
    FAKE_COMMAND_PENDING,
    FAKE_COMMAND_GOOD,
    FAKE_COMMAND_BAD,
} fake_command_state;

/* Texts that were written, one a line, and how many. */
typedef struct fake_texts {
    char text[FAKE_TEXT_MAX];
    size_t used;
    unsigned count;
} fake_texts;

typedef struct fake_counter {
    const char *name, *help;
    uint64_t value;
} fake_counter;

typedef struct fake_host fake_host;

struct cmp_timer {
    fake_host *owner;
    void (*run)(void *arg); /* NULL: the place is free */
    void *arg;
    int64_t due_ms;
    uint64_t order; /* timers that are due together fire in the order of their start */
};

struct cmp_watch {
    void (*run)(void *arg); /* NULL: the place is free */
    void (*run_write)(void *arg);
    void *arg;
    int fd;
};

struct cmp_loop {
    fake_host *owner;
};

/* The one server that the instance has opened. Other texts than the URL are the plugin's. */
struct cmp_origin {
    fake_host *owner;
    char *url; /* NULL: none is open */
    cmp_origin_options options;
};

/* A request under way, with copies of its texts. */
struct cmp_call {
    fake_host *owner;
    void (*done)(void *arg, const cmp_https_answer *answer); /* NULL: the place is free */
    void *arg;
    cmp_https_request request;
    cmp_pair headers[FAKE_HEADERS_MAX];
    kit_arena memory;
};

/* A deferred offload (work, done) or workers_call (run). */
typedef struct fake_job {
    void (*work)(void *arg), (*done)(void *arg);
    void (*run)(void *instance, void *worker, void *arg);
    void *arg;
} fake_job;

struct fake_host {
    cmp_host table; /* pass &f.table to the plugin */

    /* Set by the test, before or between calls. */
    int64_t now_ms; /* begins at 1700000000000 */
    bool deferred;  /* offload and workers_call wait for fake_host_run, instead of running at
                       once inside the call */
    bool pool_full; /* offload refuses */
    const cmp_key *keys;
    size_t key_count;
    const cmp_peer *peers;
    size_t peer_count;
    const char *origin_error; /* origin_open fails with this */

    /* Read by the test. */
    fake_texts log[CMP_LOG_DEBUG + 1];        /* by level */
    fake_texts report;                        /* `key: text`, or `text` when the key is NULL */
    fake_texts changed;                       /* store_changed: the ICI, or `*` for any */
    fake_counter counters[FAKE_COUNTERS_MAX]; /* gauges and histograms, too: of these the count */
    cmp_health health;                        /* as the instance said last */
    char why[512];                            /* likewise; "" with OK */
    fake_command_state command_state;         /* of fake_host_command */
    char told[1024];                          /* to the operator, at its end */
    unsigned counter_count;

    /* The instance under test; set by fake_host_open, or by hand. */
    const cmp_plugin *plugin;
    void *instance;
    void *worker;        /* what worker_start returned */
    bool worker_running; /* workers_call reaches it */

    struct cmp_loop loop; /* control loop and worker's loop in one */
    struct cmp_timer timers[FAKE_TIMERS_MAX];
    struct cmp_watch watches[FAKE_WATCHES_MAX];
    struct cmp_origin origin;
    struct cmp_call calls[FAKE_CALLS_MAX];
    cmp_call *call_order[FAKE_CALLS_MAX]; /* those under way, in the order of their start */
    unsigned call_count;
    fake_job jobs[FAKE_JOBS_MAX];
    unsigned job_count;
    uint64_t timer_order;
    uint64_t random_state; /* `random` is a fixed sequence */
};

void fake_host_init(fake_host *f);

/* Aborts when an error or warning was logged that fake_host_expect_log did not take, or when a
 * timer, a watch, a job, a server or a request was left behind. */
void fake_host_dispose(fake_host *f);

/* check, create, start, worker_start, as a host does it; no further than create with
 * f->table.purpose = CMP_PURPOSE_CHECK. NULL when check or create complained: f->report says why.
 */
void *fake_host_open(fake_host *f, const cmp_plugin *plugin, const void *options);

/* Ends the worker and the instance; runs what was deferred before. */
void fake_host_close(fake_host *f);

/* One turn: runs deferred jobs (those too that they add), then waits up to wait_ms for watched
 * descriptors and calls back for those that are ready. */
void fake_host_run(fake_host *f, int wait_ms);

/* Moves the clock on and fires the timers that become due, each at its own time. */
void fake_host_advance(fake_host *f, int64_t ms);

unsigned fake_host_timers(const fake_host *f); /* that are running */

/* Answers the request that was started first; f->call_order[0] is it until then. Aborts when there
 * is none. */
void fake_host_answer(fake_host *f, const cmp_https_answer *answer);

/* Aborts unless a line with `part` in it was logged at that level; forgets all lines of the level.
 */
void fake_host_expect_log(fake_host *f, cmp_log_level level, const char *part);

/* Whether a complaint with `part` in it was reported. fake_host_report_clear forgets all. */
bool fake_host_reported(const fake_host *f, const char *part);
void fake_host_report_clear(fake_host *f);

/* f->report as the plugin takes it. */
static inline cmp_report *fake_report_of(fake_host *f)
{
    return (cmp_report *)&f->report;
}

/* The id of a command that the test gives now; f->command_state tells how it ended. */
uint64_t fake_host_command(fake_host *f);

/* Value of the counter of that name; aborts when there is none. */
uint64_t fake_host_counted(const fake_host *f, const char *name);

/* ---- transactions ---- */

/* The test fills the fields; absent parameters are CMP_NONE. */
typedef struct fake_txn {
    cmp_str params[CMP_PARAM_MAX];
    const cmp_pair *contextual;
    size_t contextual_count;
    uint32_t consumed; /* bit i: contextual[i] */
    const cmp_pair *headers;
    size_t header_count;
    const cmp_certificate *certificate;
    uint8_t source[16];
    cmp_str listener;
    cmp_interface interface;
    cmp_str peer;
    int64_t now_ms;
    kit_arena memory; /* for txn_alloc */
} fake_txn;

/* All absent; source is ::ffff:127.0.0.1, now_ms the host's. */
void fake_txn_init(fake_txn *txn, const fake_host *f);
void fake_txn_dispose(fake_txn *txn);

/* Sets `source` to an IPv4 or IPv6 address in text form. */
void fake_txn_source(fake_txn *txn, const char *address);

/* ---- operations ---- */

/* One operation that the plugin is asked for; `kind` tells which answer a completion carries. */
typedef struct fake_op {
    cmp_op op; /* the handle */
    cmp_plugin_kind kind;
    fake_txn *txn;
    void *data;           /* the plugin's */
    unsigned completions; /* has to end at 1 after a PENDING, at 0 otherwise */
    int verdict;
    union {
        cmp_auth_answer auth;
        cmp_record record;
        cmp_route_answer route;
    } answer; /* a copy; what it points to is the plugin's */
} fake_op;

/* A new operation on `txn`; returns its handle, which is good until it is completed. The fake host
 * aborts when a plugin uses any other. `o` has to last as long as handles of it. Any thread. */
cmp_op fake_op_begin(fake_op *o, cmp_plugin_kind kind, fake_txn *txn);
