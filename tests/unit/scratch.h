/* SPDX-License-Identifier: Apache-2.0 */
/* Files for tests of the configuration: a folder of their own, and a report as one text. */
#pragma once

#include "conf/report.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char scratch_folder[] = "/tmp/cmpd-test-XXXXXX";

/* Group setup: makes a folder and enters it, so names in messages are short. */
static inline int scratch_enter(void **state)
{
    (void)state;
    return mkdtemp(scratch_folder) == NULL || chdir(scratch_folder) != 0;
}

static inline int scratch_remove(const char *path, const struct stat *status, int type,
                                 struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int scratch_leave(void **state)
{
    (void)state;
    return chdir("/") != 0 || nftw(scratch_folder, scratch_remove, 8, FTW_DEPTH | FTW_PHYS) != 0;
}

static inline void scratch_write_octets(const char *name, const void *octets, size_t size)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, 0600), 0);
}

static inline void scratch_write(const char *name, const char *text)
{
    scratch_write_octets(name, text, strlen(text));
}

/* Checks that a report prints exactly `expected`, and empties it. */
static inline void assert_report(cmp_report *report, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    report_print(report, to);
    fclose(to);
    assert_string_equal(text, expected);
    free(text);
    report_dispose(report);
    report_init(report);
}
