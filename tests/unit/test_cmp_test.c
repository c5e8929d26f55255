/* SPDX-License-Identifier: Apache-2.0 */
/* libcmp-test: what a plugin's test sees of it, and each rule whose breach ends the program. */
#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a store that does what its options say ---- */

typedef struct settings {
    const char *content;
    int64_t delay_ms;
    int how;
} settings;

static const char *const hows[] = {"now",        "timer",      "pool",  "server",
                                   "bad-answer", "twice",      "stale", "never-stopped",
                                   "stop-twice", "uncanceled", NULL};
enum { NOW, TIMER, POOL, SERVER, BAD_ANSWER, TWICE, STALE, NEVER_STOPPED, STOP_TWICE, UNCANCELED };

CMP_OPTIONS(rows, settings) = {
    CMP_ROW("content", STRING, settings, content, "what every code stands for", CMP_REQUIRED),
    CMP_ROW("delay", DURATION, settings, delay_ms, "for how long it waits", CMP_DEFAULT("10ms")),
    CMP_ROW_ENUM("how", settings, how, hows, "how it answers", CMP_DEFAULT("now")),
    CMP_OPTION_END,
};

typedef struct self {
    const cmp_host *host;
    const settings *options;
    cmp_loop *loop;
    cmp_timer *timer;
    cmp_origin *origin;
    cmp_call *call;
    cmp_op op;
    unsigned asked;
} self;

static void answer(self *s)
{
    cmp_record record = CMP_RECORD_INIT;
    record.content = cmp_str_from(s->options->content);
    cmp_store_complete(s->host, s->op, CMP_STORE_FOUND, &record);
}

static void on_timer(void *arg)
{
    ((self *)arg)->timer = NULL;
    answer(arg);
}

static void on_work(void *arg)
{
    (void)arg;
}

static void on_worked(void *arg)
{
    answer(arg);
}

static void on_https(void *arg, const cmp_https_answer *a)
{
    self *s = arg;
    s->call = NULL;
    if (a->result == CMP_HTTPS_ANSWERED && a->status == 200) {
        answer(s);
    } else {
        cmp_store_complete(s->host, s->op, CMP_STORE_UNAVAILABLE, NULL);
    }
}

static void on_never(void *arg)
{
    (void)arg;
}

static cmp_store_verdict wait_for(self *s)
{
    const cmp_host *host = s->host;
    switch (s->options->how) {
    case TIMER:
    case UNCANCELED:
        s->timer = host->timer_start(s->loop, (uint64_t)s->options->delay_ms, on_timer, s);
        break;
    case POOL:
        if (!host->offload(host, s->loop, on_work, on_worked, s)) {
            return CMP_STORE_UNAVAILABLE;
        }
        break;
    case SERVER:
        s->call = host->https_start(host, s->loop, s->origin,
                                    &(cmp_https_request){.method = "GET",
                                                         .path = CMP_STR("/x"),
                                                         .timeout_ms = 1000},
                                    on_https, s);
        break;
    case TWICE:
        answer(s);
        answer(s);
        break;
    case STALE:
        host->txn_param(host, CMP_OP_NONE, CMP_PARAM_ICI);
        break;
    case STOP_TWICE:
        s->timer = host->timer_start(s->loop, 1, on_never, s);
        host->timer_stop(s->timer);
        host->timer_stop(s->timer);
        break;
    default:
        break;
    }
    return CMP_STORE_PENDING;
}

static cmp_store_verdict store_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                      cmp_record *record)
{
    self *s = instance;
    (void)worker;
    s->host->count(s->host, s->asked, 1);
    if (!cmp_str_equal(ici, s->host->txn_param(s->host, op, CMP_PARAM_ICI))) {
        abort();
    }
    s->op = op;
    if (s->options->how == NOW || s->options->how == NEVER_STOPPED) {
        record->content = cmp_str_from(s->options->content);
        return CMP_STORE_FOUND;
    }
    return s->options->how == BAD_ANSWER ? CMP_STORE_FOUND : wait_for(s);
}

static void store_cancel(void *instance, void *worker, cmp_op op, void *data)
{
    self *s = instance;
    (void)worker, (void)data;
    if (s->options->how == UNCANCELED) {
        return; /* later */
    }
    if (s->timer != NULL) {
        s->host->timer_stop(s->timer);
        s->timer = NULL;
    }
    cmp_store_complete(s->host, op, CMP_STORE_UNAVAILABLE, NULL);
}

static void *store_create(const cmp_host *host, const void *options, void *previous,
                          cmp_report *report)
{
    const settings *o = options;
    if (strcmp(o->content, "nothing") == 0) {
        host->report(report, "content", "must be something");
        return NULL;
    }
    self *s = calloc(1, sizeof(*s));
    s->host = host;
    s->options = options;
    s->asked = host->counter(host, "asked", "look-ups");
    host->log(host, CMP_LOG_INFO, "stands for %s%s", o->content,
              previous != NULL ? ", as another did before" : "");
    char error[128];
    if (o->how == SERVER) {
        s->origin = host->origin_open(host, &(cmp_origin_options){.url = "https://example.org"},
                                      error, sizeof(error));
    }
    return s;
}

static void *store_worker_start(void *instance, cmp_loop *loop)
{
    self *s = instance;
    s->loop = loop;
    if (s->options->how == NEVER_STOPPED) {
        s->timer = s->host->timer_start(loop, 1, on_never, s);
    }
    return s;
}

static void store_destroy(void *instance)
{
    self *s = instance;
    if (s->origin != NULL) {
        s->host->origin_close(s->origin);
    }
    free(s);
}

static const cmp_store_ops ops = {.size = sizeof(ops),
                                  .lookup = store_lookup,
                                  .cancel = store_cancel};

static const cmp_plugin plugin = {
    CMP_PLUGIN_ABI,
    .name = "store_example",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP,
    .version = "1.0",
    .summary = "an example",
    CMP_PLUGIN_OPTIONS(rows),
    .create = store_create,
    .worker_start = store_worker_start,
    .destroy = store_destroy,
    .ops.store = &ops,
};

/* ---- what it is for ---- */

static cmp_test *opened(const char *options)
{
    cmp_test *t = cmp_test_create();
    if (!cmp_test_open(t, &plugin, options)) {
        fail_msg("%s", cmp_test_report(t));
    }
    return t;
}

static void expect_found(cmp_test_op *op, const char *content)
{
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_FOUND);
    assert_true(cmp_str_equal(cmp_test_record(op)->content, cmp_str_from(content)));
    cmp_test_end(&op);
}

static void an_answer_at_once(void **state)
{
    (void)state;
    cmp_test *t = opened("content: https://example.org/");
    expect_found(cmp_test_lookup(t, "A-1", NULL), "https://example.org/");
    assert_int_equal(cmp_test_counted(t, "asked"), 1);
    assert_true(cmp_test_logged(t, CMP_LOG_INFO, "stands for https"));
    assert_int_equal(cmp_test_log_count(t, CMP_LOG_INFO), 0);
    cmp_test_destroy(&t);
}

static void options_are_filled_as_from_a_configuration(void **state)
{
    (void)state;
    cmp_test *t = cmp_test_create();
    assert_false(cmp_test_open(t, &plugin, NULL));
    assert_true(cmp_test_reported(t, "options.content: "));
    assert_false(cmp_test_open(t, &plugin, "{content: x, delay: soon, howw: now}"));
    assert_int_equal(cmp_test_report_count(t), 2);
    assert_true(cmp_test_reported(t, "options.delay: expected"));
    assert_true(cmp_test_reported(t, "did you mean \"how\"?"));
    assert_false(cmp_test_open(t, &plugin, "content: nothing"));
    assert_string_equal(cmp_test_report(t), "options.content: must be something\n");
    const settings filled = {.content = "filled"};
    assert_true(cmp_test_open_filled(t, &plugin, &filled));
    expect_found(cmp_test_lookup(t, "A-1", NULL), "filled");
    assert_false(cmp_test_replace(t, "content: nothing"));
    expect_found(cmp_test_lookup(t, "A-1", NULL), "filled");
    assert_true(cmp_test_replace(t, "content: better"));
    assert_true(cmp_test_logged(t, CMP_LOG_INFO, "stands for better, as another did before"));
    expect_found(cmp_test_lookup(t, "A-1", NULL), "better");
    cmp_test_destroy(&t);
}

static void a_descriptor_that_no_host_takes(void **state)
{
    (void)state;
    cmp_test *t = cmp_test_create();
    cmp_plugin bad = plugin;
    bad.abi_major++;
    assert_false(cmp_test_open(t, &bad, NULL));
    assert_true(cmp_test_reported(t, "plugin ABI is"));
    bad = plugin;
    bad.destroy = NULL;
    assert_false(cmp_test_open(t, &bad, NULL));
    assert_true(cmp_test_reported(t, "lacks destroy"));
    cmp_test_services(t, CMP_SERVICE_PEERS);
    assert_false(cmp_test_open(t, &plugin, "content: x"));
    assert_true(cmp_test_reported(t, "needs services"));
    cmp_test_destroy(&t);
}

static void options_that_are_the_hosts(void **state)
{
    (void)state;
    static const char *const names[] = {"use", "cache", "instance"};
    cmp_test *t = cmp_test_create();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const cmp_option taken[] = {rows[0], {.name = names[i], .help = "x"}, CMP_OPTION_END};
        cmp_plugin bad = plugin;
        bad.options = taken;
        assert_false(cmp_test_open(t, &bad, "content: x"));
        assert_true(cmp_test_reported(t, "the name is taken by another row, or by the host"));
    }
    cmp_test_destroy(&t);
}

static void later_by_its_timer(void **state)
{
    (void)state;
    cmp_test *t = opened("{content: x, how: timer, delay: 250ms}");
    cmp_test_op *op = cmp_test_lookup(t, "A-1", NULL);
    assert_int_equal(cmp_test_timers(t), 1);
    cmp_test_advance(t, 249);
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_PENDING);
    cmp_test_advance(t, 1);
    expect_found(op, "x");
    op = cmp_test_lookup(t, "A-1", NULL);
    cmp_test_cancel(op);
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_UNAVAILABLE);
    cmp_test_end(&op);
    cmp_test_destroy(&t);
}

static void cancelled_and_completed_later(void **state)
{
    (void)state;
    cmp_test *t = opened("{content: x, how: uncanceled}");
    cmp_test_op *op = cmp_test_lookup(t, "A-1", NULL);
    cmp_test_cancel(op);
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_PENDING);
    cmp_test_advance(t, 10);
    expect_found(op, "x");
    cmp_test_destroy(&t);
}

static void from_the_pool(void **state)
{
    (void)state;
    cmp_test *t = opened("{content: x, how: pool}");
    expect_found(cmp_test_lookup(t, "A-1", NULL), "x");
    cmp_test_hold(t, true);
    cmp_test_op *op = cmp_test_lookup(t, "A-1", NULL);
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_PENDING);
    assert_int_equal(cmp_test_jobs(t), 1);
    cmp_test_run(t, 0);
    expect_found(op, "x");
    cmp_test_pool_full(t, true);
    op = cmp_test_lookup(t, "A-1", NULL);
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_UNAVAILABLE);
    cmp_test_end(&op);
    cmp_test_destroy(&t);
}

static void from_a_server(void **state)
{
    (void)state;
    cmp_test *t = opened("{content: x, how: server}");
    assert_string_equal(cmp_test_origin(t, 0)->url, "https://example.org");
    assert_null(cmp_test_origin(t, 1));
    cmp_test_op *op = cmp_test_lookup(t, "A-1", NULL);
    assert_int_equal(cmp_test_requests(t), 1);
    assert_true(cmp_str_equal(cmp_test_request(t, 0)->path, CMP_STR("/x")));
    cmp_test_answer_json(t, 200, "{}");
    expect_found(op, "x");
    op = cmp_test_lookup(t, "A-1", NULL);
    cmp_test_answer_failed(t, CMP_HTTPS_TIMEOUT, "time is over");
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_UNAVAILABLE);
    cmp_test_end(&op);
    assert_null(cmp_test_request(t, 0));
    cmp_test_destroy(&t);
}

static void a_plugin_of_a_file(void **state)
{
    (void)state;
    cmp_test *t = cmp_test_create();
    assert_false(cmp_test_load(t, TEST_BINARY_DIR "/plugins", "auth_nobody", NULL));
    assert_true(cmp_test_reported(t, "no auth_nobody.so in"));
    assert_true(cmp_test_load(t, TEST_BINARY_DIR "/plugins", "auth_hmac", NULL));
    cmp_test_txn *x = cmp_test_txn_create(t);
    cmp_test_form(x, "tid=t-1&ici=A-1&user=u&apikeyid=k&signature=00&shop=7");
    cmp_test_op *op = cmp_test_verify(t, x);
    assert_int_equal(cmp_test_verdict(op), CMP_AUTH_REJECT);
    assert_string_equal(cmp_test_auth(op)->reason, "unknown apikeyid");
    assert_false(cmp_test_consumed(x, "shop"));
    cmp_test_end(&op);
    cmp_test_txn_destroy(&x);
    cmp_test_destroy(&t);
}

/* ---- what ends the program ---- */

typedef struct breach {
    const char *options;
    const char *said;
    void (*then)(cmp_test *t, cmp_test_op *op);
} breach;

static void expect_death(const breach *b)
{
    int out[2];
    char text[4096] = "";
    assert_int_equal(pipe(out), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(out[1], STDERR_FILENO);
        cmp_test *t = cmp_test_create();
        if (!cmp_test_open(t, &plugin, b->options)) {
            _exit(1);
        }
        cmp_test_op *op = cmp_test_lookup(t, "A-1", NULL);
        if (b->then != NULL) {
            b->then(t, op);
        }
        _exit(0);
    }
    close(out[1]);
    size_t size = 0;
    for (ssize_t got; (got = read(out[0], text + size, sizeof(text) - 1 - size)) > 0;) {
        size += (size_t)got;
    }
    close(out[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) || strstr(text, b->said) == NULL) {
        fail_msg("%s: wanted: %s: status %x, and: %s", b->options, b->said, status, text);
    }
}

static void end_pending(cmp_test *t, cmp_test_op *op)
{
    (void)t;
    cmp_test_end(&op);
}

static void destroy_pending(cmp_test *t, cmp_test_op *op)
{
    (void)op;
    cmp_test_destroy(&t);
}

static void destroy_with_error(cmp_test *t, cmp_test_op *op)
{
    cmp_test_end(&op);
    cmp_test_host(t)->log(cmp_test_host(t), CMP_LOG_ERROR, "trouble");
    cmp_test_destroy(&t);
}

static void destroy(cmp_test *t, cmp_test_op *op)
{
    cmp_test_end(&op);
    cmp_test_destroy(&t);
}

static void count_by_a_bad_name(cmp_test *t, cmp_test_op *op)
{
    cmp_test_end(&op);
    cmp_test_host(t)->counter(cmp_test_host(t), "look_ups2", "by a good one");
    cmp_test_host(t)->counter(cmp_test_host(t), "look-ups", "");
}

static void breaches_of_the_rules(void **state)
{
    (void)state;
    static const breach breaches[] = {
        {"{content: x, how: bad-answer}", "store_example: lookup answered content: ", NULL},
        {"{content: x, how: twice}", "store_example: complete with the handle of an operation",
         NULL},
        {"{content: x, how: stale}", "store_example: txn_param with a handle of no operation",
         NULL},
        {"{content: x, how: stop-twice}", "store_example: timer_stop for one that", NULL},
        {"{content: x, how: timer}", "lookup: the operation is pending at its end", end_pending},
        {"{content: x, how: timer}", "1 operations are pending when the worker has stopped",
         destroy_pending},
        {"{content: x}", "logged, and not expected:\ntrouble", destroy_with_error},
        {"{content: x, how: never-stopped}", "left behind: 1 timers", destroy},
        {"{content: x}", "counter with a name that is not of letters", count_by_a_bad_name},
    };
    for (size_t i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
        expect_death(&breaches[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_at_once),
        cmocka_unit_test(options_are_filled_as_from_a_configuration),
        cmocka_unit_test(a_descriptor_that_no_host_takes),
        cmocka_unit_test(options_that_are_the_hosts),
        cmocka_unit_test(later_by_its_timer),
        cmocka_unit_test(cancelled_and_completed_later),
        cmocka_unit_test(from_the_pool),
        cmocka_unit_test(from_a_server),
        cmocka_unit_test(a_plugin_of_a_file),
        cmocka_unit_test(breaches_of_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
