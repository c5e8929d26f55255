/* SPDX-License-Identifier: Apache-2.0 */
/* base/log_output.c: lines that cannot be written hold nobody up, and are counted. */
#include "base/log_output.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINES = 5000 };

static const char line[] = "a line of the log, as long as many are\n";

static void write_lines(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        log_output_write(line, sizeof(line) - 1);
    }
}

/* Reads what is there; how many octets it was. */
static size_t drain(int fd)
{
    static char octets[65536];
    size_t all = 0;
    for (ssize_t got; (got = recv(fd, octets, sizeof(octets), MSG_DONTWAIT)) > 0 ||
                      (errno == ENOTSOCK && (got = read(fd, octets, sizeof(octets))) > 0);) {
        all += (size_t)got;
    }
    return all;
}

static void check_full(int to, int from)
{
    const uint64_t before = log_output_lost();
    log_output_set(to);
    write_lines(LINES); /* far more than it takes; nobody reads */
    const uint64_t lost = log_output_lost() - before;
    assert_true(lost > 0 && lost < LINES);
    assert_int_equal(log_output_error(), EAGAIN);
    assert_false(log_output_works());
    assert_int_equal(drain(from), (LINES - lost) * (sizeof(line) - 1)); /* whole lines */
    write_lines(1);
    assert_true(log_output_works());
    assert_int_equal(log_output_lost() - before, lost);
    assert_int_equal(drain(from), sizeof(line) - 1);
}

static void a_pipe_that_nobody_empties(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    check_full(ends[1], ends[0]);
    assert_false(fcntl(ends[1], F_GETFL) & O_NONBLOCK); /* others write to it, too */
    close(ends[0]);
    const uint64_t before = log_output_lost();
    write_lines(3);
    assert_int_equal(log_output_lost() - before, 3);
    assert_int_equal(log_output_error(), EPIPE);
    close(ends[1]);
}

static void a_socket_that_nobody_empties(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    check_full(ends[1], ends[0]);
    close(ends[0]);
    const uint64_t before = log_output_lost();
    write_lines(3);
    assert_int_equal(log_output_lost() - before, 3);
    assert_int_equal(log_output_error(), EPIPE);
    close(ends[1]);
}

static void a_full_disk(void **state)
{
    (void)state;
    const int full = open("/dev/full", O_WRONLY);
    const uint64_t before = log_output_lost();
    log_output_set(full);
    write_lines(7);
    assert_int_equal(log_output_lost() - before, 7);
    assert_int_equal(log_output_error(), ENOSPC);
    close(full);
}

/* The limit on a file's size stands for a disk that is full and then is not. */
static void a_line_that_was_cut_ends_before_the_next(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    const struct rlimit small = {sizeof(line) + 9, RLIM_INFINITY};
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const uint64_t before = log_output_lost();
    log_output_set(fileno(file));
    write_lines(3);
    assert_int_equal(log_output_lost() - before, 2);
    setrlimit(RLIMIT_FSIZE, &none);
    write_lines(1);
    char text[256] = "";
    const ssize_t size = pread(fileno(file), text, sizeof(text) - 1, 0);
    assert_true(size > 0);
    assert_int_equal(strncmp(text, line, sizeof(line) - 1), 0);
    assert_string_equal(text + size - sizeof(line), "\na line of the log, as long as many are\n");
    fclose(file);
}

static void a_message_is_one_line(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    log_output_set(fileno(file));
    log_setup(CMP_LOG_NOTICE, LOG_TEXT);
    log_notice("a", "one\ntwo \"three\" f\xc3\xbcnf");
    char text[256] = "";
    assert_true(pread(fileno(file), text, sizeof(text) - 1, 0) > 0);
    assert_non_null(strstr(text, " notice a: one\\x0atwo \"three\" f\xc3\xbcnf\n"));
    fclose(file);
}

static atomic_bool over;

static void *go_on_writing(void *arg)
{
    (void)arg;
    while (!over) {
        write_lines(1);
    }
    return NULL;
}

/* The last of all tests: nobody gives the word back. */
static void who_keeps_to_himself_has_the_last_word(void **state)
{
    (void)state;
    static const char last[] = "the last line\n";
    enum { LAST = sizeof(last) - 1 };
    pthread_t others[3];
    FILE *file = tmpfile();
    log_output_set(fileno(file));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&others[i], NULL, go_on_writing, NULL), 0);
    }
    while (lseek(fileno(file), 0, SEEK_CUR) < 100000) {
        sched_yield(); /* until they are in full swing */
    }
    log_output_keep_to_this_thread();
    log_output_write(last, LAST);
    const off_t size = lseek(fileno(file), 0, SEEK_CUR);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    over = true;
    for (int i = 0; i < 3; i++) {
        pthread_join(others[i], NULL);
    }
    assert_int_equal(lseek(fileno(file), 0, SEEK_CUR), size);
    char text[LAST];
    assert_int_equal(pread(fileno(file), text, LAST, size - LAST), LAST);
    assert_memory_equal(text, last, LAST);
    assert_int_equal((size - LAST) % (off_t)(sizeof(line) - 1), 0);
    fclose(file);
}

static int back_to_stderr(void **state)
{
    (void)state;
    log_output_set(STDERR_FILENO);
    return 0;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_pipe_that_nobody_empties, back_to_stderr),
        cmocka_unit_test_teardown(a_socket_that_nobody_empties, back_to_stderr),
        cmocka_unit_test_teardown(a_full_disk, back_to_stderr),
        cmocka_unit_test_teardown(a_line_that_was_cut_ends_before_the_next, back_to_stderr),
        cmocka_unit_test_teardown(a_message_is_one_line, back_to_stderr),
        cmocka_unit_test_teardown(who_keeps_to_himself_has_the_last_word, back_to_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
