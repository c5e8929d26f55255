/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing two exports: how lines are read, and which class each transaction comes to. */
#include "ctl/recon.h"
#include "ctl/recon_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- lines ---- */

static void assert_text(const recon_line *line, recon_column column, const char *expected)
{
    if (expected == NULL) {
        assert_null(line->texts[column].at);
    } else {
        assert_true(cmp_str_equal(line->texts[column], cmp_str_from(expected)));
    }
}

static recon_layout layout_of(const char *first)
{
    recon_layout l;
    bool is_head;
    assert_null(recon_layout_read(&l, cmp_str_from(first), &is_head));
    assert_int_equal(is_head, *first != '{');
    return l;
}

static void csv_is_read(void **state)
{
    (void)state;
    const recon_layout l = layout_of("tid,x,verdict,direction,time,cc");
    recon_line line;
    assert_null(recon_line_read(&l, CMP_STR("\"a,\"\"b\",ignored,resolved,in,now,"), &line));
    assert_text(&line, RECON_TID, "a,\"b");
    assert_text(&line, RECON_VERDICT, "resolved");
    assert_text(&line, RECON_TIME, "now");
    assert_text(&line, RECON_CC, NULL);
    assert_text(&line, RECON_ICI, NULL);
    assert_null(recon_line_read(&l, CMP_STR("1,2,3,4,5,\"GB\""), &line));
    assert_text(&line, RECON_CC, "GB");
    assert_null(recon_line_read(&l, CMP_STR("1"), &line));
    assert_text(&line, RECON_TIME, NULL);
    assert_non_null(recon_line_read(&l, CMP_STR("1,2,3,4,5,6,7"), &line));
    assert_non_null(recon_line_read(&l, CMP_STR("\"1\"2"), &line));
    bool is_head;
    recon_layout without;
    assert_non_null(recon_layout_read(&without, CMP_STR("tid,time,direction"), &is_head));
}

#define MARK "\xEF\xBB\xBF" /* before UTF-8, as Excel writes it */

/* As programs write it that quote all, or some. */
static void heads_may_be_quoted_and_marked(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "\"tid\",\"a,b\",\"verdict\",\"direction\",\"time\"",
        MARK "tid,x,verdict,direction,time",
        MARK "\"tid\",x,\"verdict\",direction,time",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        const recon_layout l = layout_of(heads[i]);
        recon_line line;
        assert_null(recon_line_read(&l, CMP_STR("\"1\",ignored,resolved,\"in\",now"), &line));
        assert_text(&line, RECON_TID, "1");
        assert_text(&line, RECON_VERDICT, "resolved");
        assert_text(&line, RECON_DIRECTION, "in");
        assert_text(&line, RECON_TIME, "now");
    }
    recon_layout l;
    recon_line line;
    bool is_head;
    assert_non_null(recon_layout_read(&l, CMP_STR("\"tid\"x,time,direction,verdict"), &is_head));
    assert_null(recon_layout_read(&l, CMP_STR(MARK "{\"tid\":\"1\"}"), &is_head));
    assert_false(is_head);
    assert_null(recon_line_read(&l, CMP_STR(MARK "{\"tid\":\"1\"}"), &line));
    assert_text(&line, RECON_TID, "1");
    assert_null(recon_line_read(&l, CMP_STR("{\"tid\":\"2\"}"), &line));
    assert_text(&line, RECON_TID, "2");
}

static void json_is_read(void **state)
{
    (void)state;
    const recon_layout l = layout_of("{}");
    recon_line line;
    assert_null(recon_line_read(
        &l,
        CMP_STR(" {\"waits\" : [{\"step\":\"a]\\\"}\"}], \"status\":404 ,\"tid\":\"a\\\"\\/b\","
                "\"cc\":null,\"nested\":{\"tid\":\"no\"},\"verdict\":\"refused\"}"),
        &line));
    assert_text(&line, RECON_TID, "a\"/b");
    assert_text(&line, RECON_STATUS, "404");
    assert_text(&line, RECON_CC, NULL);
    assert_text(&line, RECON_VERDICT, "refused");
    static const char *const wrong[] = {"",         "[]",          "{",          "{\"a\"}",
                                        "{\"a\":1", "{\"a\":\"1}", "{\"a\":{1}", "{\"a\":1,}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_non_null(recon_line_read(&l, cmp_str_from(wrong[i]), &line));
    }
}

/* ---- classes ---- */

enum { RESOLVED = 1, UNKNOWN = 2 };

static recon_entry entry(uint64_t tid, int64_t when_ms, uint16_t verdict, uint16_t status,
                         uint8_t flags)
{
    return (recon_entry){.tid = {tid, tid},
                         .when_ms = when_ms,
                         .verdict = verdict,
                         .status = status,
                         .flags = flags};
}

static void count(recon_class c, const recon_entry *ours, const recon_entry *theirs, void *arg)
{
    uint64_t *counts = arg;
    assert_true(ours != NULL || theirs != NULL);
    counts[c]++;
}

/* One pair; a tid of 0 stands for an entry that is not there. */
static const struct {
    recon_entry ours, theirs;
    recon_class expected;
} pairs[] = {
    {{.tid = {1, 1}, .verdict = RESOLVED, .status = 200},
     {.tid = {1, 1}, .verdict = RESOLVED, .status = 200, .when_ms = 50},
     RECON_AGREED_CLASS},
    {{.tid = {1, 1}, .verdict = RESOLVED, .status = 200}, {.at = 0}, RECON_ONLY_OURS_CLASS},
    {{.at = 0}, {.tid = {1, 1}, .verdict = RESOLVED, .status = 200}, RECON_ONLY_THEIRS_CLASS},
    {{.tid = {1, 1}, .verdict = RESOLVED, .status = 200},
     {.tid = {1, 1}, .verdict = UNKNOWN, .status = 404},
     RECON_VERDICTS_DIFFER_CLASS},
    /* The code word of an answer may be unknown to who asked. */
    {{.tid = {1, 1}, .verdict = RESOLVED, .status = 404},
     {.tid = {1, 1}, .verdict = UNKNOWN, .status = 404},
     RECON_AGREED_CLASS},
    {{.tid = {1, 1}, .verdict = RESOLVED, .status = 200, .ici = 5},
     {.tid = {1, 1}, .verdict = RESOLVED, .status = 200, .ici = 7},
     RECON_VERDICTS_DIFFER_CLASS},
    {{.tid = {1, 1}, .verdict = RESOLVED, .status = 200},
     {.tid = {1, 1}, .verdict = RESOLVED, .status = 200, .when_ms = 101},
     RECON_TIMES_APART_CLASS},
    {{.tid = {1, 1}, .flags = RECON_NO_ANSWER},
     {.tid = {1, 1}, .verdict = RESOLVED, .status = 200},
     RECON_ANSWER_LOST_CLASS},
    {{.tid = {1, 1}, .flags = RECON_NO_ANSWER},
     {.tid = {1, 1}, .flags = RECON_NO_ANSWER},
     RECON_AGREED_CLASS},
    {{.tid = {1, 1}, .flags = RECON_NO_ANSWER}, {.at = 0}, RECON_UNANSWERED_CLASS},
    {{.tid = {1, 1}, .flags = RECON_NO_ANSWER | RECON_NOT_SENT}, {.at = 0}, RECON_NOT_SENT_CLASS},
    {{.tid = {1, 1}, .status = 401}, {.at = 0}, RECON_REJECTED_CLASS},
    {{.tid = {1, 1}, .status = 429}, {.at = 0}, RECON_REJECTED_CLASS},
    {{.tid = {1, 1}, .status = 502},
     {.tid = {1, 1}, .status = 401, .flags = RECON_REJECTION},
     RECON_REJECTED_CLASS},
    {{.at = 0}, {.tid = {1, 1}, .flags = RECON_REJECTION}, RECON_STRANGERS_CLASS},
    /* What they asked us, they cannot have rejected. */
    {{.at = 0},
     {.tid = {1, 1}, .flags = RECON_ASKED_BY_THEM | RECON_NO_ANSWER},
     RECON_UNANSWERED_CLASS},
    {{.tid = {1, 1}, .flags = RECON_ASKED_BY_THEM, .status = 200},
     {.tid = {1, 1}, .flags = RECON_ASKED_BY_THEM | RECON_NO_ANSWER},
     RECON_ANSWER_LOST_CLASS},
};

static void each_pair_comes_to_its_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        uint64_t counts[RECON_CLASS_MAX] = {0};
        recon_match(&pairs[i].ours, pairs[i].ours.tid[0], &pairs[i].theirs, pairs[i].theirs.tid[0],
                    0, 100, count, counts);
        for (int c = 0; c < RECON_CLASS_MAX; c++) {
            if (counts[c] != (c == (int)pairs[i].expected)) {
                fail_msg("pair %zu: %llu of %s", i, (unsigned long long)counts[c],
                         recon_class_words[c]);
            }
        }
    }
}

static void duplicates_and_offsets(void **state)
{
    (void)state;
    const recon_entry ours[] = {entry(1, 100, RESOLVED, 200, 0), entry(2, 100, RESOLVED, 200, 0),
                                entry(2, 150, RESOLVED, 200, 0), entry(4, 100, RESOLVED, 200, 0)};
    const recon_entry theirs[] = {entry(1, 3100, RESOLVED, 200, 0),
                                  entry(1, 3101, RESOLVED, 200, 0),
                                  entry(2, 3100, RESOLVED, 200, 0),
                                  entry(3, 3100, RESOLVED, 200, 0),
                                  entry(4, 9100, RESOLVED, 200, 0)};
    int64_t offsets[8];
    assert_int_equal(recon_offsets(ours, 4, theirs, 5, offsets, 8), 3);
    assert_int_equal(offsets[0], 3000);
    assert_int_equal(offsets[2], 9000);
    uint64_t counts[RECON_CLASS_MAX] = {0};
    recon_match(ours, 4, theirs, 5, 3000, 100, count, counts);
    assert_int_equal(counts[RECON_AGREED_CLASS], 2);
    assert_int_equal(counts[RECON_TIMES_APART_CLASS], 1);
    assert_int_equal(counts[RECON_ONLY_THEIRS_CLASS], 1);
    assert_int_equal(counts[RECON_DUPLICATE_OURS_CLASS], 1);
    assert_int_equal(counts[RECON_DUPLICATE_THEIRS_CLASS], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_is_read),
        cmocka_unit_test(heads_may_be_quoted_and_marked),
        cmocka_unit_test(json_is_read),
        cmocka_unit_test(each_pair_comes_to_its_class),
        cmocka_unit_test(duplicates_and_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
