/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of store_sql with a SQLite file: a host, a folder with a file of codes that is not
 * there yet, and what others do to it. */
#pragma once

#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

extern const cmp_plugin cmp_plugin_descriptor, sqlite_driver;

typedef struct lite_rig {
    cmp_test *host;
    cmp_test_txn *txn; /* whose memory answers lie in */
    char folder[32], path[48], url[64];
    void *options;
    char seen[1024]; /* by a scan */
    unsigned seen_count;
} lite_rig;

int lite_set_up(void **state);
int lite_tear_down(void **state);

const cmp_store_ops *lite_ops(void);
void *lite_option(const lite_rig *f, const char *name);

void lite_open(lite_rig *f);
void lite_refuse(lite_rig *f, const char *why);

/* The file with that suffix, such as "-wal"; and all that belong to it. */
void lite_remove_file(const lite_rig *f, const char *suffix);
void lite_remove_files(const lite_rig *f);

/* What somebody else does to the file. */
sqlite3 *lite_other(const lite_rig *f);
void lite_sql(sqlite3 *db, const char *text);
void lite_other_sql(const lite_rig *f, const char *text);

cmp_store_verdict lite_look_up(lite_rig *f, const char *ici, cmp_record *record);

/* A record with that content; and one that is put, and committed. */
cmp_record lite_content(const char *text);
void lite_put(lite_rig *f, const char *ici, const cmp_record *record);

#define lite_assert_verdict(f, ici, expected)                                                      \
    do {                                                                                           \
        cmp_record record_;                                                                        \
        assert_int_equal(lite_look_up(f, ici, &record_), expected);                                \
    } while (0)

#define lite_assert_str(value, expected)                                                           \
    do {                                                                                           \
        const cmp_str value_ = (value);                                                            \
        assert_non_null(value_.at);                                                                \
        assert_int_equal(value_.size, strlen(expected));                                           \
        assert_memory_equal(value_.at, expected, value_.size);                                     \
    } while (0)

#define LITE_TEST(test) cmocka_unit_test_setup_teardown(test, lite_set_up, lite_tear_down)
