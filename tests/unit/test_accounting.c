/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal is told of a transaction, and that its times cost few looks at the clock. */
#include "pipeline/accounting.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal_rig.h"
#include "pipeline_rig.h"
#include "scratch.h"

#define BEGUN_MS INT64_C(1700000000000)

/* ---- looks at the clock, on this thread ---- */

int64_t __real_clock_now_ms(void);
int64_t __real_clock_now_us(void);
int64_t __real_clock_monotonic_us(void);
uint64_t __real_clock_monotonic_ms(void);
int64_t __wrap_clock_now_ms(void);
int64_t __wrap_clock_now_us(void);
int64_t __wrap_clock_monotonic_us(void);
uint64_t __wrap_clock_monotonic_ms(void);

static _Thread_local unsigned looks;

int64_t __wrap_clock_now_ms(void)
{
    looks++;
    return __real_clock_now_ms();
}

int64_t __wrap_clock_now_us(void)
{
    looks++;
    return __real_clock_now_us();
}

int64_t __wrap_clock_monotonic_us(void)
{
    looks++;
    return __real_clock_monotonic_us();
}

uint64_t __wrap_clock_monotonic_ms(void)
{
    looks++;
    return __real_clock_monotonic_ms();
}

/* ---- a pipeline with a journal ---- */

static rig r;
static journal *kept;

static int set_up(void **state)
{
    log_setup(CMP_LOG_ERROR, LOG_TEXT);
    journal_rig_begin(state);
    rig_init(&r);
    const journal_options o = journal_rig_options();
    kept = journal_rig_start(&o);
    r.process.journal = kept;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clock_set_ms(0);
    rig_dispose(&r);
    return 0;
}

static void take(const journal_record *record, void *arg)
{
    *(journal_record *)arg = *record;
}

/* The only record; texts of it are gone. */
static journal_record only_record(void)
{
    journal_record found;
    journal_close(&kept);
    r.process.journal = NULL;
    assert_int_equal(journal_rig_read(JOURNAL_STREAM_JOURNAL, take, &found).records, 1);
    return found;
}

static void a_transaction_that_does_not_wait_ends_with_one_look(void **state)
{
    (void)state;
    const unsigned begun = 2; /* what the rig does in place of the front: both clocks */
    looks = 0;
    rig_ask(&r, RIG_GOOD);
    assert_int_equal(r.status, 404);
    assert_int_equal(looks, begun + 1);
    assert_int_equal(only_record().status, 404);
}

static void a_wait_takes_a_look_at_each_end(void **state)
{
    (void)state;
    clock_set_ms(BEGUN_MS);
    r.stores[0].how = RIG_LATER;
    looks = 0;
    rig_ask(&r, RIG_GOOD);
    assert_int_equal(looks, 2 + 1 + 1 + 1); /* the rig's, the plugin's, the wait's, its timer's */
    clock_set_ms(BEGUN_MS + 250);
    looks = 0;
    rig_complete(&r.stores[0]);
    assert_int_equal(r.status, 404);
    assert_int_equal(looks, 1 + 1 + 1); /* the end of the plugin's, of the wait, and of all */
    const journal_record found = only_record();
    assert_int_equal(found.when_us, BEGUN_MS * 1000);
    assert_int_equal(found.took_us, 250000);
    assert_int_equal(found.wait_count, 1);
    assert_int_equal(found.waits[0].after_us, 0);
    assert_int_equal(found.waits[0].took_us, 250000);
    assert_false(found.waits[0].synchronous);
}

/* That is what its deadline passed in. */
static void a_wait_that_the_deadline_ends_is_told(void **state)
{
    (void)state;
    r.conf.top.resolve.deadline_ms = 5;
    r.stores[0].how = RIG_LATER;
    rig_ask(&r, RIG_GOOD);
    rig_wait_answer(&r);
    assert_int_equal(r.status, 503);
    rig_complete(&r.stores[0]);
    const journal_record found = only_record();
    assert_int_equal(found.wait_count, 1);
    assert_true(found.waits[0].took_us > 0 && found.waits[0].took_us <= found.took_us);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_transaction_that_does_not_wait_ends_with_one_look),
        TEST(a_wait_takes_a_look_at_each_end),
        TEST(a_wait_that_the_deadline_ends_is_told),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
