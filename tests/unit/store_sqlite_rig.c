/* SPDX-License-Identifier: Apache-2.0 */
/* See store_sqlite_rig.h. */
#include "store_sqlite_rig.h"

#include <sys/stat.h>

const cmp_store_ops *lite_ops(void)
{
    return sqlite_driver.ops.store;
}

void *lite_option(const lite_rig *f, const char *name)
{
    const cmp_option *row = cmp_plugin_descriptor.options;
    while (row->name != NULL && strcmp(row->name, name) != 0) {
        row++;
    }
    assert_non_null(row->name);
    return (char *)f->options + row->offset;
}

int lite_set_up(void **state)
{
    lite_rig *f = calloc(1, sizeof(*f));
    f->host = cmp_test_create();
    f->txn = cmp_test_txn_create(f->host);
    strcpy(f->folder, "/tmp/test-sql-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(chmod(f->folder, 0777), 0);
    snprintf(f->path, sizeof(f->path), "%s/codes.db", f->folder);
    snprintf(f->url, sizeof(f->url), "sqlite:%s", f->path);
    f->options = calloc(1, cmp_plugin_descriptor.options_size);
    *(const char **)lite_option(f, "url") = f->url;
    *(int64_t *)lite_option(f, "busy_timeout") = 10;
    *state = f;
    return 0;
}

void lite_remove_file(const lite_rig *f, const char *suffix)
{
    char path[64];
    snprintf(path, sizeof(path), "%s%s", f->path, suffix);
    unlink(path);
}

void lite_remove_files(const lite_rig *f)
{
    lite_remove_file(f, "");
    lite_remove_file(f, "-wal");
    lite_remove_file(f, "-shm");
    lite_remove_file(f, "-journal");
}

int lite_tear_down(void **state)
{
    lite_rig *f = *state;
    cmp_test_txn_destroy(&f->txn);
    cmp_test_destroy(&f->host);
    lite_remove_files(f);
    assert_int_equal(rmdir(f->folder), 0);
    free(f->options);
    free(f);
    return 0;
}

void lite_open(lite_rig *f)
{
    assert_true(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
}

void lite_refuse(lite_rig *f, const char *why)
{
    assert_false(cmp_test_open_filled(f->host, &cmp_plugin_descriptor, f->options));
    if (!cmp_test_reported(f->host, why)) {
        fail_msg("reported: %s", cmp_test_report(f->host));
    }
}

/* What somebody else does to the file. */
sqlite3 *lite_other(const lite_rig *f)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    return db;
}

void lite_sql(sqlite3 *db, const char *text)
{
    char *error = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", text, error);
    }
}

void lite_other_sql(const lite_rig *f, const char *text)
{
    sqlite3 *db = lite_other(f);
    lite_sql(db, text);
    sqlite3_close(db);
}

cmp_store_verdict lite_look_up(lite_rig *f, const char *ici, cmp_record *record)
{
    cmp_test_op *op = cmp_test_lookup(f->host, ici, f->txn);
    const cmp_store_verdict verdict = (cmp_store_verdict)cmp_test_verdict(op);
    *record = *cmp_test_record(op);
    cmp_test_end(&op);
    return verdict;
}

cmp_record lite_content(const char *text)
{
    cmp_record record = CMP_RECORD_INIT;
    record.content = cmp_str_from(text);
    return record;
}

void lite_put(lite_rig *f, const char *ici, const cmp_record *record)
{
    char error[200];
    void *write = lite_ops()->begin(cmp_test_instance(f->host), error, sizeof(error));
    assert_non_null(write);
    assert_true(lite_ops()->put(cmp_test_instance(f->host), write, cmp_str_from(ici), record, error,
                                sizeof(error)));
    if (!lite_ops()->commit(cmp_test_instance(f->host), write, error, sizeof(error))) {
        fail_msg("%s", error);
    }
}
