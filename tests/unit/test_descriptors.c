/* SPDX-License-Identifier: Apache-2.0 */
/* base/descriptors.c: closed standard descriptors are opened on /dev/null, open ones stay. */
#include "base/descriptors.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_null(int fd)
{
    struct stat there, null;
    return fstat(fd, &there) == 0 && stat("/dev/null", &null) == 0 && there.st_rdev == null.st_rdev;
}

/* Runs in a child: the test's own output has to stay. */
static int with_closed(unsigned set)
{
    struct stat before[3] = {0}, after;
    const int lowest = dup(STDIN_FILENO);
    close(lowest);
    for (int fd = 0; fd < 3; fd++) {
        fstat(fd, &before[fd]);
        if ((set >> fd & 1) != 0) {
            close(fd);
        }
    }
    if (!descriptors_open_standard()) {
        return 1;
    }
    for (int fd = 0; fd < 3; fd++) {
        const bool closed = (set >> fd & 1) != 0;
        if (closed ? !is_null(fd)
                   : fstat(fd, &after) != 0 || after.st_ino != before[fd].st_ino ||
                         after.st_dev != before[fd].st_dev) {
            return 2;
        }
    }
    return dup(0) == lowest ? 0 : 3; /* else one was left open */
}

static void closed_ones_are_opened(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 8; set++) {
        const pid_t child = fork();
        if (child == 0) {
            _exit(with_closed(set));
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

static void the_limit_is_raised(void **state)
{
    (void)state;
    struct rlimit limit, now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit low = {.rlim_cur = 64, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_true(descriptors_raise_limit() == limit.rlim_max);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_true(now.rlim_cur == limit.rlim_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_ones_are_opened),
        cmocka_unit_test(the_limit_is_raised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
