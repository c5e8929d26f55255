/* SPDX-License-Identifier: Apache-2.0 */
/* libcmp-embed: plugins that wait, block, and err, and answers on the program's own loop. */
#include "embed_rig.h"
#include "scratch.h"

#include <malloc.h>
#include <time.h>

/* ---- plugins that wait, block, and err ---- */

static void waits_for_an_answer(void **state)
{
    (void)state;
    cmp_embed_error error;
    const cmp_embed_settings settings = {.size = sizeof(settings), .timeout_ms = 60000};
    cmp_embed *e =
        cmp_embed_open(TEST_PLUGINS, "store_async", "{path: ends, delay: 20ms}", &settings, &error);
    if (e == NULL) {
        fail_msg("%s", error.text);
    }
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("1A0F1-ASYNC"), NULL, &a), 200);
    assert_true(cmp_str_equal(a.record->content, CMP_STR("https://async.example/")));
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("other"), NULL, &a), 404);
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

static cmp_embed *open_brief(void)
{
    cmp_embed_error error;
    cmp_embed *e = cmp_embed_open(TEST_PLUGINS, "store_brief", NULL, NULL, &error);
    if (e == NULL) {
        fail_msg("%s", error.text);
    }
    return e;
}

/* The plugin has spoilt it by then. */
static void an_answer_stays_until_the_next_question(void **state)
{
    (void)state;
    cmp_embed *e = open_brief();
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    cmp_embed_request request = CMP_EMBED_REQUEST;
    char body[512];
    request.form = CMP_STR("tid=t&ici=A-1&user=u&language=de");
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-1"), &request, &a), 200);
    assert_true(cmp_str_equal(a.record->content, CMP_STR("brief")));
    assert_true(cmp_str_equal(a.record->content_type, CMP_STR("text")));
    body[cmp_embed_body(&a, body, sizeof(body))] = '\0';
    assert_non_null(strstr(body, "\"content\":\"anders\""));
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

/* The plugin begins and stops a timer for each question. */
static void timers_that_have_ended_are_freed(void **state)
{
    (void)state;
    cmp_embed *e = open_brief();
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    size_t before = 0;
    for (unsigned i = 0; i < 10000; i++) {
        assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-NOW"), NULL, &a), 200);
        before = i == 100 ? mallinfo2().uordblks : before;
    }
    assert_true(mallinfo2().uordblks < before + 10000); /* an octet for each would be too much */
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

static void a_plugin_sees_the_traceparent(void **state)
{
    (void)state;
    static const char *const options[] = {NULL, "later: true"};
    const char *trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    cmp_pair header = {CMP_STR("traceparent"), cmp_str_from(trace)};
    for (size_t i = 0; i < 2; i++) {
        cmp_embed *e = cmp_embed_open(TEST_PLUGINS, "store_traces", options[i], NULL, NULL);
        assert_non_null(e);
        cmp_embed_worker *w = embed_attach(e);
        cmp_embed_answer a = CMP_EMBED_ANSWER;
        cmp_embed_request request = CMP_EMBED_REQUEST;
        request.headers = &header;
        request.header_count = 1;
        header.value = cmp_str_from(trace);
        assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-1"), &request, &a), 200);
        assert_true(cmp_str_equal(a.record->content, cmp_str_from(trace)));
        header.value.size--;
        assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-1"), &request, &a), 200);
        assert_true(cmp_str_equal(a.record->content, CMP_STR("none came")));
        cmp_embed_detach(&w);
        cmp_embed_close(&e);
    }
}

static void does_not_wait_for_ever(void **state)
{
    (void)state;
    cmp_embed_error error;
    const cmp_embed_settings settings = {.size = sizeof(settings), .timeout_ms = 20};
    cmp_embed *e =
        cmp_embed_open(TEST_PLUGINS, "store_async", "{path: ends, delay: 1h}", &settings, &error);
    assert_non_null(e);
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("1A0F1-ASYNC"), NULL, &a), 503);
    assert_string_equal(a.code, "store_unavailable");
    assert_int_equal(a.verdict, 0);
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

static void a_plugin_that_blocks_blocks(void **state)
{
    (void)state;
    cmp_embed_error error;
    cmp_embed *e =
        cmp_embed_open(TEST_PLUGINS, "store_blocking", "{delay: 10ms, ici: A-1}", NULL, &error);
    if (e == NULL) {
        fail_msg("%s", error.text);
    }
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-1"), NULL, &a), 200);
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

typedef struct lines {
    char text[4096];
} lines;

static void keep_line(void *arg, cmp_log_level level, const char *line)
{
    lines *l = arg;
    const size_t used = strlen(l->text);
    snprintf(l->text + used, sizeof(l->text) - used, "%d %s\n", (int)level, line);
}

static void a_wrong_answer_costs_one_request(void **state)
{
    (void)state;
    static lines said;
    cmp_embed_error error;
    const cmp_embed_settings settings = {.size = sizeof(settings), .log = keep_line, .arg = &said};
    cmp_embed *e = cmp_embed_open(TEST_PLUGINS, "store_says", "says: status", &settings, &error);
    if (e == NULL) {
        fail_msg("%s", error.text);
    }
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-1"), NULL, &a), 503);
    assert_non_null(strstr(said.text, "0 the plugin breaks the ABI's rules: lookup answered"));
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

/* ---- on the program's own loop ---- */

typedef struct told {
    unsigned count;
    int status;
} told;

static void on_answer(void *arg, cmp_embed_answer *answer)
{
    told *t = arg;
    t->count++;
    t->status = answer->status;
}

static void answers_come_later(void **state)
{
    (void)state;
    cmp_embed_error error;
    cmp_embed *e =
        cmp_embed_open(TEST_PLUGINS, "store_async", "{path: ends, delay: 5ms}", NULL, &error);
    assert_non_null(e);
    cmp_embed_worker *w = embed_attach(e);
    told first = {0, 0}, second = {0, 0}, third = {0, 0};
    const cmp_str ici = CMP_STR("1A0F1-ASYNC");
    assert_non_null(cmp_embed_lookup_later(w, ici, NULL, on_answer, &first));
    cmp_embed_call *call = cmp_embed_lookup_later(w, ici, NULL, on_answer, &second);
    assert_true(cmp_embed_fd(w) >= 0);
    assert_true(cmp_embed_wait_ms(w) >= 0 && cmp_embed_wait_ms(w) <= 5);
    cmp_embed_cancel(call);
    while (first.count == 0) {
        cmp_embed_turn(w, 1000);
    }
    assert_int_equal(first.status, 200);
    assert_non_null(cmp_embed_lookup_later(w, ici, NULL, on_answer, &third));
    cmp_embed_detach(&w);
    assert_int_equal(third.status, 503);
    assert_int_equal(first.count + second.count + third.count, 2);
    cmp_embed_close(&e);
}

static void ask_again(void *arg, cmp_embed_answer *answer)
{
    cmp_embed_answer again = CMP_EMBED_ANSWER;
    (void)answer;
    assert_int_equal(cmp_embed_lookup(arg, CMP_STR("other"), NULL, &again), 404);
}

/* One answer comes while another is waited for, and its callback asks and waits as well. */
static void questions_within_questions_are_freed(void **state)
{
    (void)state;
    cmp_embed *e =
        cmp_embed_open(TEST_PLUGINS, "store_async", "{path: ends, delay: 1ms}", NULL, NULL);
    assert_non_null(e);
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    size_t before = 0;
    for (unsigned i = 0; i < 300; i++) {
        assert_non_null(cmp_embed_lookup_later(w, CMP_STR("1A0F1-ASYNC"), NULL, ask_again, w));
        assert_int_equal(cmp_embed_lookup(w, CMP_STR("other"), NULL, &a), 404);
        before = i == 100 ? mallinfo2().uordblks : before;
    }
    assert_true(mallinfo2().uordblks < before + 20000); /* 100 octets for each are too much */
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_an_answer),
        cmocka_unit_test(an_answer_stays_until_the_next_question),
        cmocka_unit_test(timers_that_have_ended_are_freed),
        cmocka_unit_test(a_plugin_sees_the_traceparent),
        cmocka_unit_test(does_not_wait_for_ever),
        cmocka_unit_test(a_plugin_that_blocks_blocks),
        cmocka_unit_test(a_wrong_answer_costs_one_request),
        cmocka_unit_test(answers_come_later),
        cmocka_unit_test(questions_within_questions_are_freed),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
