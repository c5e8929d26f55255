/* SPDX-License-Identifier: Apache-2.0 */
/* A host in the test's own process, for unit tests of plugins: every service of struct cmp_host,
 * and nothing happens by itself.
 *
 *     static void knows_what_is_there(void **state)
 *     {
 *         (void)state;
 *         cmp_test *t = cmp_test_create();
 *         assert_true(cmp_test_open(t, &cmp_plugin_descriptor, "codes: {A-1:
 * https://example.org}")); cmp_test_op *op = cmp_test_lookup(t, "A-1", NULL);
 *         assert_int_equal(cmp_test_verdict(op), CMP_STORE_FOUND);
 *         assert_true(cmp_str_equal(cmp_test_record(op)->content, CMP_STR("https://example.org")));
 *         cmp_test_end(&op);
 *         cmp_test_destroy(&t);
 *     }
 *
 * The test is all threads: the control thread, the one worker, and the pool. Time stands until
 * cmp_test_advance; descriptors are looked at in cmp_test_run; requests to servers wait for
 * cmp_test_answer. What a plugin gives to the pool or to its workers runs when control is back with
 * the host: at the end of every function here that calls into the plugin.
 *
 * A plugin that breaks a rule of the ABI ends the program with a line that says which: a stale
 * handle, an answer that its verdict does not promise, a timer that is stopped twice, something
 * left behind at the end. So does an error or a warning in the log that the test did not expect.
 *
 * Nothing needs cmocka; what is said to "end the program" prints to stderr and aborts. Pointers
 * that are handed over are read during the call unless it says otherwise. */
#pragma once

#include <cmp/plugin.h>

/* Versions. Names that begin with cmp_test_; major: in the library's name, what is built against
 * one runs with no other; minor: only grows.
 *
 *   1.0  open   all of this */
#define CMP_TEST_MAJOR 1
#define CMP_TEST_MINOR 0

typedef struct cmp_test cmp_test;         /* a host, and the one instance in it */
typedef struct cmp_test_txn cmp_test_txn; /* a request, as the plugin sees it */
typedef struct cmp_test_op cmp_test_op;   /* one thing that the plugin was asked for */

/* ---- the host ---- */

/* A host without a plugin. Never NULL. End it with cmp_test_destroy. */
CMP_EXPORT cmp_test *cmp_test_create(void);

/* cmp_test_close, and the end of the host; nulls *t, null is fine. Ends the program when an error
 * or a warning was logged that cmp_test_logged did not take, or when a timer, a watch, a job, a
 * server, a request or an operation was left behind. */
CMP_EXPORT void cmp_test_destroy(cmp_test **t);

/* The table that the plugin gets: for what a test calls itself. Lives as long as the host. */
CMP_EXPORT const cmp_host *cmp_test_host(const cmp_test *t);

/* The services that the host offers, CMP_SERVICE_…; all of them before. A plugin that needs others
 * is refused by cmp_test_open. Before it. */
CMP_EXPORT void cmp_test_services(cmp_test *t, uint32_t services);

/* The minor of the ABI that the host has, not newer than these headers' own; theirs before. It
 * refuses a plugin that is built for a newer one, and its table ends where that minor's does.
 * Before cmp_test_open. */
CMP_EXPORT void cmp_test_minor(cmp_test *t, unsigned minor);

/* What instances are made for; CMP_PURPOSE_RUN before. */
CMP_EXPORT void cmp_test_purpose(cmp_test *t, cmp_purpose purpose);

/* Where relative paths in options begin; "." before. Copied. */
CMP_EXPORT void cmp_test_folder(cmp_test *t, const char *folder);

/* ---- the instance ---- */

/* Checks the descriptor, fills the options from a YAML text as the daemon does (NULL: an empty
 * section), and does choose, check, create, start, worker_start; not further than create for
 * CMP_PURPOSE_CHECK. False when something was complained about: cmp_test_reported tells. The
 * descriptor is the test's and lives on. */
CMP_EXPORT bool cmp_test_open(cmp_test *t, const cmp_plugin *plugin, const char *options);

/* The same with options that the test has filled: they live as long as the instance. */
CMP_EXPORT bool cmp_test_open_filled(cmp_test *t, const cmp_plugin *plugin, const void *options);

/* The same with the file NAME.so of a folder. */
CMP_EXPORT bool cmp_test_load(cmp_test *t, const char *folder, const char *name,
                              const char *options);

/* Replaces the instance by one with other options, as a reload does: the old one is `previous`, and
 * ended after the new one has started. False when something was complained about: the old one
 * stays. */
CMP_EXPORT bool cmp_test_replace(cmp_test *t, const char *options);

/* worker_stop and destroy. Every operation has been completed by the end of worker_stop, and its
 * answer is gone: what is left of it is the verdict. Nothing when there is no instance. */
CMP_EXPORT void cmp_test_close(cmp_test *t);

/* worker_stop, and worker_start for a new worker; jobs of the old one are still under way. */
CMP_EXPORT void cmp_test_worker_restart(cmp_test *t);

/* What create and worker_start returned, for calls into the plugin past the vtable. NULL: there is
 * none. */
CMP_EXPORT void *cmp_test_instance(const cmp_test *t);
CMP_EXPORT void *cmp_test_worker(const cmp_test *t);

/* Both loops: of the control thread, and of the worker, which lives as long as the instance. */
CMP_EXPORT cmp_loop *cmp_test_control_loop(cmp_test *t);
CMP_EXPORT cmp_loop *cmp_test_worker_loop(cmp_test *t);

/* ---- keys and peers ---- */

/* What key_each shows from now on; copied, and a secret is gone when its visit is. With an instance
 * it is told (keys_changed). */
CMP_EXPORT void cmp_test_keys(cmp_test *t, const cmp_key *keys, size_t count);

/* What peer_each and peer_find show from now on. Copied; those before are gone. */
CMP_EXPORT void cmp_test_peers(cmp_test *t, const cmp_peer *peers, size_t count);

/* ---- time, and what happens in it ---- */

/* Unix time; 1700000000000 at first. cmp_test_set_time does not fire timers: a clock that was set.
 */
CMP_EXPORT int64_t cmp_test_now_ms(const cmp_test *t);
CMP_EXPORT void cmp_test_set_time(cmp_test *t, int64_t now_ms);

/* Moves the clock on and fires the timers that become due, each at its own time. */
CMP_EXPORT void cmp_test_advance(cmp_test *t, int64_t ms);

/* One turn: runs what waits for the pool and the worker, then waits up to wait_ms for watched
 * descriptors and calls back for those that are ready. A store's turn_end follows. */
CMP_EXPORT void cmp_test_run(cmp_test *t, int wait_ms);

/* With true what is given to the pool and to workers waits for cmp_test_run; with false, as at
 * first, only until control is back with the host. */
CMP_EXPORT void cmp_test_hold(cmp_test *t, bool hold);

/* Runs one thing of those that wait: for the pool or, when there is none, for the worker. False:
 * nothing waits. */
CMP_EXPORT bool cmp_test_step(cmp_test *t);

/* With true the pool takes nothing (cmp_host.offload returns false). */
CMP_EXPORT void cmp_test_pool_full(cmp_test *t, bool full);

/* How many timers and watches run, and how many jobs and calls to workers wait. */
CMP_EXPORT unsigned cmp_test_timers(const cmp_test *t);
CMP_EXPORT unsigned cmp_test_watches(const cmp_test *t);
CMP_EXPORT unsigned cmp_test_jobs(const cmp_test *t);

/* ---- what the plugin says ---- */

/* Whether a line with `part` in it was logged at that level; all lines of the level are taken, so
 * that the end of the host does not complain of them. */
CMP_EXPORT bool cmp_test_logged(cmp_test *t, cmp_log_level level, const char *part);

/* The lines of a level that were not taken, each with a newline; and how many. Valid until the
 * plugin is called again. */
CMP_EXPORT const char *cmp_test_log(const cmp_test *t, cmp_log_level level);
CMP_EXPORT unsigned cmp_test_log_count(const cmp_test *t, cmp_log_level level);

/* Whether a complaint with `part` in it was reported, since the last cmp_test_open, _load, _replace
 * or _report_clear. A complaint reads `options.links[0].peer: there is no such peer`. */
CMP_EXPORT bool cmp_test_reported(const cmp_test *t, const char *part);

/* All complaints, each with a newline; and how many. */
CMP_EXPORT const char *cmp_test_report(cmp_test *t);
CMP_EXPORT unsigned cmp_test_report_count(const cmp_test *t);

/* For calls of `check` past the vtable: the report that it adds to, and forgetting what is in it.
 */
CMP_EXPORT cmp_report *cmp_test_report_of(cmp_test *t);
CMP_EXPORT void cmp_test_report_clear(cmp_test *t);

/* Value of the counter or gauge of that name, and of a histogram how often it was observed. Ends
 * the program when there is none. */
CMP_EXPORT uint64_t cmp_test_counted(const cmp_test *t, const char *name);

/* How the instance is, in its own judgement, and in one line why ("" with OK). */
CMP_EXPORT cmp_health cmp_test_health(const cmp_test *t);
CMP_EXPORT const char *cmp_test_why(const cmp_test *t);

/* What store_changed was called with: an ICI on each line, `*` for any. cmp_test_changed_clear
 * forgets it. */
CMP_EXPORT const char *cmp_test_changed(const cmp_test *t);
CMP_EXPORT unsigned cmp_test_changed_count(const cmp_test *t);
CMP_EXPORT void cmp_test_changed_clear(cmp_test *t);

/* ---- commands ---- */

typedef enum cmp_test_command_end {
    CMP_TEST_COMMAND_PENDING, /* command_done was not called yet */
    CMP_TEST_COMMAND_GOOD,
    CMP_TEST_COMMAND_BAD,
} cmp_test_command_end;

/* Gives the instance a command, as an operator does (NULL: without an argument). Ends the program
 * when the plugin has none of that name, or another one is pending. */
CMP_EXPORT cmp_test_command_end cmp_test_command(cmp_test *t, const char *name,
                                                 const char *argument);

/* How the last one has ended, and what the operator was told. */
CMP_EXPORT cmp_test_command_end cmp_test_command_state(const cmp_test *t);
CMP_EXPORT const char *cmp_test_command_text(const cmp_test *t);

/* ---- requests ---- */

/* A request at now, from 127.0.0.1, on listener `peers`, interface MC-3, without parameters. Its
 * operations have ended before it does. Texts are copied. */
CMP_EXPORT cmp_test_txn *cmp_test_txn_create(cmp_test *t);
CMP_EXPORT void cmp_test_txn_destroy(cmp_test_txn **x);

/* A parameter of Table 19; NULL takes it away. A contextual one goes to the end. */
CMP_EXPORT void cmp_test_param(cmp_test_txn *x, cmp_param param, const char *value);
CMP_EXPORT void cmp_test_param_str(cmp_test_txn *x, cmp_param param, cmp_str value);
CMP_EXPORT void cmp_test_contextual(cmp_test_txn *x, const char *name, const char *value);

/* All parameters at once, as a query string or form carries them: "tid=t-1&ici=A-1&user=u". Ends
 * the program when the daemon would not read it. */
CMP_EXPORT void cmp_test_form(cmp_test_txn *x, const char *form);

/* A header field, by its name in lower case; NULL takes it away. */
CMP_EXPORT void cmp_test_header(cmp_test_txn *x, const char *name, const char *value);

/* Its traceparent, as it came; NULL: none. Ends the program when it is none by its form. */
CMP_EXPORT void cmp_test_traceparent(cmp_test_txn *x, const char *value);

/* What the client has shown; NULL: nothing. It is the test's, and lives as long as the request. */
CMP_EXPORT void cmp_test_certificate(cmp_test_txn *x, const cmp_certificate *certificate);

/* Where it comes from: an IPv4 or IPv6 address as text. */
CMP_EXPORT void cmp_test_source(cmp_test_txn *x, const char *address);
CMP_EXPORT void cmp_test_listener(cmp_test_txn *x, const char *name);
CMP_EXPORT void cmp_test_interface(cmp_test_txn *x, cmp_interface interface);

/* Whom the host takes it from; NULL: nobody yet. */
CMP_EXPORT void cmp_test_requestor(cmp_test_txn *x, const char *peer);

/* When it came in. */
CMP_EXPORT void cmp_test_time(cmp_test_txn *x, int64_t now_ms);

/* Whether the plugin that was asked has taken the contextual parameter of that name
 * (cmp_host.txn_consume). */
CMP_EXPORT bool cmp_test_consumed(const cmp_test_txn *x, const char *name);

/* ---- asking ---- */

/* Each asks the plugin once, and returns what came of it: the verdict may be PENDING. `x` lives
 * longer than the operation; NULL stands for a request of the operation's own. End it with
 * cmp_test_end. */
CMP_EXPORT cmp_test_op *cmp_test_verify(cmp_test *t, cmp_test_txn *x);
CMP_EXPORT cmp_test_op *cmp_test_sign(cmp_test *t, const char *peer, const char *tid,
                                      const char *ici);
CMP_EXPORT cmp_test_op *cmp_test_lookup(cmp_test *t, const char *ici, cmp_test_txn *x);
CMP_EXPORT cmp_test_op *cmp_test_route(cmp_test *t, cmp_route_reason reason, const char *target,
                                       cmp_test_txn *x);

/* The verdict of its kind: 0 (…_PENDING) until the plugin has completed it. */
CMP_EXPORT int cmp_test_verdict(const cmp_test_op *op);

/* What came with the verdict. What it points to is the plugin's, valid as <cmp/…> says; of an
 * answer that came later it is a copy, until the operation's end, of what the verdict means. Ends
 * the program for an operation of another kind, or one that is pending. */
CMP_EXPORT const cmp_auth_answer *cmp_test_auth(const cmp_test_op *op);
CMP_EXPORT const cmp_signature *cmp_test_signature(const cmp_test_op *op);
CMP_EXPORT const cmp_record *cmp_test_record(const cmp_test_op *op);
CMP_EXPORT const cmp_route_answer *cmp_test_routed(const cmp_test_op *op);

/* Cancels one that is pending, as the host does when the client has gone. The plugin still has to
 * complete it. */
CMP_EXPORT void cmp_test_cancel(cmp_test_op *op);

/* Ends it, after its answer; nulls *op, null is fine. Ends the program when it is pending. */
CMP_EXPORT void cmp_test_end(cmp_test_op **op);

/* The handle of an operation: to call into the plugin with it, or to try a stale one. */
CMP_EXPORT cmp_op cmp_test_handle(const cmp_test_op *op);

/* A new operation that nothing was asked for: the test itself calls into the plugin with its
 * handle, and says with cmp_test_returned what that returned. `x` as above. */
CMP_EXPORT cmp_test_op *cmp_test_begin(cmp_test *t, cmp_plugin_kind kind, cmp_test_txn *x);
CMP_EXPORT void cmp_test_returned(cmp_test_op *op, int verdict, const void *answer);

/* ---- servers ---- */

/* From now on origin_open fails with that text; NULL: it does not. It is the test's, and lives on.
 */
CMP_EXPORT void cmp_test_origin_error(cmp_test *t, const char *error);

/* The options of the server that the plugin opened as its `index`th, of those that are open; NULL
 * past the last. Texts are copies, valid until it is closed. */
CMP_EXPORT const cmp_origin_options *cmp_test_origin(const cmp_test *t, unsigned index);

/* The request that was started as the `index`th, of those that are under way; NULL past the last.
 * Valid until it is answered or cancelled. */
CMP_EXPORT const cmp_https_request *cmp_test_request(const cmp_test *t, unsigned index);
CMP_EXPORT unsigned cmp_test_requests(const cmp_test *t);

/* Answers the request that was started first. Ends the program when there is none. */
CMP_EXPORT void cmp_test_answer(cmp_test *t, const cmp_https_answer *answer);

/* The same with a status and a JSON body, and with what has gone wrong. */
CMP_EXPORT void cmp_test_answer_json(cmp_test *t, int status, const char *body);
CMP_EXPORT void cmp_test_answer_failed(cmp_test *t, cmp_https_result result, const char *detail);
