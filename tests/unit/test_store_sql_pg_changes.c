/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin store_sql with a real PostgreSQL: what is changed in its tables,
 * by others and by us. */
#include "store_sql_pg_rig.h"

/* ---- changes ---- */

/* Each lane's prepared statement is of no use then, and no look-up is to suffer for it. */
static void test_table_is_changed(void **state)
{
    static const char *const changes[] = {"alter table cmp_codes alter ttl type bigint",
                                          "alter table cmp_codes alter status type varchar(20)"};
    pg_rig *f = *state;
    pg_open_ready(f);
    for (size_t i = 0; i < 2; i++) {
        pg_ask_many(f, 200); /* on both of them */
        pg_await(f);
        pg_sql(changes[i]);
        for (unsigned times = 0; times < 8; times++) {
            assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_FOUND);
        }
    }
    PG_UNTIL(f, pg_sql_number("select count(*) " PG_LANES) == 2);
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_FOUND);
    assert_int_equal(cmp_test_counted(f->host, "lookups_failed"), 0);
    assert_int_equal(cmp_test_counted(f->host, "connections_lost"), 0);
}

/* Somebody has renamed a table of his own into place: what is changed in it nobody tells. */
static void test_table_is_swapped(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    pg_pass(f, 3 * PG_REVALIDATE_MS);
    assert_int_equal(cmp_test_changed_count(f->host), 1);
    pg_sql("create table other (like cmp_codes including all);"
           "insert into other (ici, content) values ('C1', 'other');"
           "alter table cmp_codes rename to older; alter table other rename to cmp_codes;"
           "grant all on cmp_codes to cmpd");
    PG_UNTIL_LATER(f, cmp_test_changed_count(f->host) >= 4); /* again and again */
    assert_true(
        cmp_test_logged(f->host, CMP_LOG_WARNING, "has lost the triggers that tell of changes"));
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_FOUND);
    pg_assert_str(pg_answer(f, 0)->content, "other");

    pg_load_schema(pg_admin); /* gives the table its triggers */
    PG_UNTIL_LATER(f, pg_says(f, CMP_LOG_NOTICE, "tells of changes again"));
    const unsigned before = cmp_test_changed_count(f->host);
    pg_pass(f, 3 * PG_REVALIDATE_MS);
    assert_int_equal(cmp_test_changed_count(f->host), before);
    pg_sql("update cmp_codes set content = 'new' where ici = 'C1'");
    PG_UNTIL(f, cmp_test_changed_count(f->host) > before);
}

static void test_schema_may_be_applied_twice(void **state)
{
    pg_rig *f = *state;
    pg_load_schema(pg_admin);
    assert_int_equal(pg_sql_number("select count(*) from cmp_schema"), 1);
    assert_int_equal(pg_sql_number("select count(*) from cmp_codes"), 400);
    pg_open_ready(f);
    pg_sql("update cmp_codes set content = 'new' where ici = 'C1'");
    PG_UNTIL(f, cmp_test_changed_count(f->host) >= 2);
    assert_string_equal(cmp_test_changed(f->host), "*\nC1\n");
}

static void test_hears_of_changes(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    assert_string_equal(cmp_test_changed(f->host), "*\n");
    pg_sql("insert into cmp_codes (ici, content) values ('N', 'x')");
    pg_sql("update cmp_codes set content = 'y' where ici = 'N'");
    pg_sql("update cmp_codes set ici = 'O' where ici = 'N'");
    pg_sql("delete from cmp_codes where ici = 'O'");
    pg_sql("update cmp_codes set ttl = 5");
    pg_sql("begin; insert into cmp_codes (ici, content) values ('R', 'x'); rollback");
    pg_sql("truncate cmp_codes");
    PG_UNTIL(f, cmp_test_changed_count(f->host) >= 8);
    assert_string_equal(cmp_test_changed(f->host), "*\nN\nN\nO\nN\nO\n*\n*\n");
}

/* ---- writes and scans ---- */

static void *begin(pg_rig *f)
{
    char error[200];
    void *write = pg_ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    if (write == NULL) {
        fail_msg("%s", error);
    }
    return write;
}

static void put(pg_rig *f, void *write, const char *ici, const char *content)
{
    char error[200];
    cmp_record record = CMP_RECORD_INIT;
    record.content = cmp_str_from(content);
    assert_true(pg_ops()->put(cmp_test_instance(f->host), write, cmp_str_from(ici), &record, error,
                              sizeof(error)));
}

static void take_away(pg_rig *f, void *write, const char *ici)
{
    char error[200];
    bool existed = false;
    assert_true(pg_ops()->remove(cmp_test_instance(f->host), write, cmp_str_from(ici), &existed,
                                 error, sizeof(error)));
    assert_true(existed);
}

static void take_nothing_away(pg_rig *f, void *write, const char *ici)
{
    char error[200];
    bool existed = true;
    assert_true(pg_ops()->remove(cmp_test_instance(f->host), write, cmp_str_from(ici), &existed,
                                 error, sizeof(error)));
    assert_false(existed);
}

static void commit(pg_rig *f, void *write)
{
    char error[200];
    if (!pg_ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error))) {
        fail_msg("%s", error);
    }
}

static void test_writes(void **state)
{
    pg_rig *f = *state;
    char error[200], long_ici[258];
    pg_open_ready(f);
    void *write = begin(f);
    put(f, write, "W1", "tab\there, back\\slash, line\r\nend");
    put(f, write, "W2", "first");
    put(f, write, "W2", "last");
    put(f, write, "W3", "x");
    take_away(f, write, "W3");
    take_away(f, write, "C1");
    take_away(f, write, "C2");
    put(f, write, "C2", "again");
    assert_int_equal(pg_look_up(f, "W1"), CMP_STORE_ABSENT); /* not before commit */
    commit(f, write);
    pg_ask(f, "W1"), pg_ask(f, "W2"), pg_ask(f, "W3"), pg_ask(f, "C1"), pg_ask(f, "C2");
    pg_await(f);
    pg_assert_str(pg_answer(f, 0)->content, "tab\there, back\\slash, line\r\nend");
    pg_assert_str(pg_answer(f, 1)->content, "last");
    assert_int_equal(cmp_test_verdict(f->ops[2]), CMP_STORE_ABSENT);
    assert_int_equal(cmp_test_verdict(f->ops[3]), CMP_STORE_ABSENT);
    pg_assert_str(pg_answer(f, 4)->content, "again");

    write = begin(f);
    put(f, write, "W4", "x");
    pg_ops()->abort(cmp_test_instance(f->host), write);
    write = begin(f);
    put(f, write, "W5", "x");
    memset(long_ici, 'I', sizeof(long_ici) - 1);
    long_ici[sizeof(long_ici) - 1] = '\0';
    put(f, write, long_ici, "x");
    assert_false(pg_ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error)));
    assert_non_null(strstr(error, "check constraint"));
    pg_ask(f, "W4"), pg_ask(f, "W5");
    pg_await(f);
    assert_int_equal(cmp_test_verdict(f->ops[0]), CMP_STORE_ABSENT);
    assert_int_equal(cmp_test_verdict(f->ops[1]), CMP_STORE_ABSENT);
}

static void test_removals_that_stand_alone(void **state)
{
    pg_rig *f = *state;
    pg_open_ready(f);
    void *write = begin(f);
    take_nothing_away(f, write, "unknown");
    take_away(f, write, "C1");
    take_nothing_away(f, write, "C1");
    take_away(f, write, "C2");
    put(f, write, "C2", "again");
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_FOUND); /* until commit */
    commit(f, write);
    assert_int_equal(pg_look_up(f, "C1"), CMP_STORE_ABSENT);
    assert_int_equal(pg_look_up(f, "C2"), CMP_STORE_FOUND);
    pg_assert_str(pg_answer(f, 0)->content, "again");
}

static void test_writes_every_column(void **state)
{
    pg_rig *f = *state;
    static const cmp_condition when[] = {{CMP_STR("note"), CMP_STR("\"\\")}};
    static const cmp_variant variants[] = {{CMP_STR("\t\xC3\xA9"), CMP_STR("text"), when, 1}};
    char error[200];
    cmp_record record = CMP_RECORD_INIT;
    record.content = CMP_STR("\\N");
    record.content_type = CMP_STR("uri");
    record.ttl_s = 31536000;
    record.status = CMP_RECORD_REVOKED;
    record.not_before_ms = -62135596800000; /* 0001-01-01 */
    record.not_after_ms = 253402300799999;  /* the end of 9999 */
    record.variants = variants;
    record.variant_count = 1;
    pg_open(f);
    void *write = begin(f);
    assert_true(pg_ops()->put(cmp_test_instance(f->host), write, CMP_STR("W"), &record, error,
                              sizeof(error)));
    commit(f, write);
    assert_int_equal(pg_look_up(f, "W"), CMP_STORE_FOUND);
    const cmp_record *found = pg_answer(f, 0);
    pg_assert_str(found->content, "\\N");
    pg_assert_str(found->content_type, "uri");
    assert_int_equal(found->ttl_s, 31536000);
    assert_int_equal(found->status, CMP_RECORD_REVOKED);
    assert_true(found->not_before_ms == record.not_before_ms);
    assert_true(found->not_after_ms == record.not_after_ms);
    assert_int_equal(found->variant_count, 1);
    pg_assert_str(found->variants[0].content, "\t\xC3\xA9");
    pg_assert_str(found->variants[0].conditions[0].value, "\"\\");
}

static bool see(cmp_str ici, const cmp_record *record, void *arg)
{
    pg_rig *f = arg;
    (void)ici;
    assert_non_null(record->content.at);
    return ++f->seen != 6000;
}

static void test_scan(void **state)
{
    pg_rig *f = *state;
    char error[200];
    pg_open(f);
    pg_sql("insert into cmp_codes (ici, content) select 'S' || i, 'x' from "
           "generate_series(1, 9600) i");
    assert_true(pg_ops()->scan(cmp_test_instance(f->host), CMP_NONE, see, f, error, sizeof(error)));
    assert_int_equal(f->seen, 6000);
    f->seen = 6000;
    assert_true(
        pg_ops()->scan(cmp_test_instance(f->host), CMP_STR("C"), see, f, error, sizeof(error)));
    assert_int_equal(f->seen, 16000);
    f->seen = 6000;
    assert_true(
        pg_ops()->scan(cmp_test_instance(f->host), CMP_STR("S9999"), see, f, error, sizeof(error)));
    assert_int_equal(f->seen, 6000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_TEST(test_table_is_changed),
        PG_POOLED_TEST(test_table_is_changed),
        PG_POOLED_TEST(test_writes),
        PG_POOLED_TEST(test_scan),
        PG_TEST(test_table_is_swapped),
        PG_TEST(test_schema_may_be_applied_twice),
        PG_TEST(test_removals_that_stand_alone),
        PG_TEST(test_hears_of_changes),
        PG_TEST(test_writes),
        PG_TEST(test_writes_every_column),
        PG_TEST(test_scan),
    };
    return cmocka_run_group_tests(tests, pg_group_set_up, pg_group_tear_down);
}
