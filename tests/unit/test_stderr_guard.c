/* SPDX-License-Identifier: Apache-2.0 */
/* observe/stderr_guard.c, each case in a process of its own: what others write to descriptor 2
 * comes out as log lines, not too many of them, and what a process says at its end comes out in any
 * case. */
#include "observe/stderr_guard.h"

#include "base/log_limit.h"
#include "observe/last_words.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 20000, TEXT_SIZE = 1 << 20 };

static char text[TEXT_SIZE];

/* Runs `what` in a process of its own; its standard error is in `text` afterwards. Returns how it
 * ended. */
static int run(void (*what)(loop *control))
{
    FILE *file = tmpfile();
    const pid_t child = fork();
    if (child == 0) {
        dup2(fileno(file), STDERR_FILENO);
        log_setup(CMP_LOG_NOTICE, LOG_TEXT);
        loop *control = loop_create();
        signal(SIGSEGV, SIG_DFL); /* cmocka has taken it */
        last_words_start();
        if (!stderr_guard_start(control)) {
            _exit(99);
        }
        what(control);
        last_words_stop();
        stderr_guard_stop();
        log_limits_flush();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    const ssize_t size = pread(fileno(file), text, sizeof(text) - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    fclose(file);
    return status;
}

static unsigned times(const char *words)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++) {
        count++;
    }
    return count;
}

static void write_few(loop *control)
{
    fprintf(stderr, "skipping frame");
    loop_turn(control);
    fprintf(stderr, " (type:%d)\nand\x1b[2J another", 17);
    log_notice("here", "our own goes its own way");
}

static void lines_are_logged(void **state)
{
    (void)state;
    assert_int_equal(run(write_few), 0);
    assert_non_null(
        strstr(text, " warning stderr: a library says text=\"skipping frame (type:17)\"\n"));
    assert_non_null(strstr(text, " warning stderr: a library says text=\"and\\x1b[2J another\"\n"));
    assert_non_null(strstr(text, " notice here: our own goes its own way\n"));
    assert_int_equal(times("\n"), 3);
}

static void write_many(loop *control)
{
    for (int i = 0; i < MANY; i++) {
        fprintf(stderr, "skipping frame (type:%d)\n", i % 200);
        if (i % 500 == 499) {
            loop_turn(control);
        }
    }
}

static void many_lines_are_counted(void **state)
{
    (void)state;
    assert_int_equal(run(write_many), 0);
    assert_true(times("skipping") <= 12);
    const char *rest = strstr(text, " more lines were not logged");
    assert_non_null(rest);
    while (rest > text && rest[-1] != ' ') {
        rest--;
    }
    assert_int_equal(strtoul(rest, NULL, 10) + times("skipping") - 1, MANY);
}

/* Nobody reads: those who write go on all the same. */
static void write_unread(loop *control)
{
    (void)control;
    for (int i = 0; i < MANY; i++) {
        fprintf(stderr, "skipping frame (type:%d)\n", i % 200);
    }
}

static void writing_never_waits(void **state)
{
    (void)state;
    assert_int_equal(run(write_unread), 0);
    assert_non_null(strstr(text, "skipping frame (type:0)"));
}

static void say_and_abort(loop *control)
{
    for (int i = 0; i < 1000; i++) {
        fprintf(stderr, "skipping frame (type:%d)\n", i % 200);
    }
    loop_turn(control);
    fprintf(stderr, "assertion failed: this is why\n");
    abort();
}

static void why_it_aborted_comes_out(void **state)
{
    (void)state;
    const int status = run(say_and_abort);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "assertion failed: this is why\n"));
}

static void say_read_and_abort(loop *control)
{
    write_many(control);
    fprintf(stderr, "skipping: assertion failed\n");
    loop_turn(control); /* is left out, for all the others of its kind */
    abort();
}

static void even_when_it_was_left_out(void **state)
{
    (void)state;
    assert_true(WIFSIGNALED(run(say_read_and_abort)));
    assert_non_null(strstr(text, "skipping: assertion failed\n"));
}

static void say_read_and_exit(loop *control)
{
    write_many(control);
    fprintf(stderr, "skipping: no memory\n");
    loop_turn(control);
    exit(0);
}

static void and_before_an_exit(void **state)
{
    (void)state;
    const int status = run(say_read_and_exit);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    const char *why = strstr(text, "skipping: no memory\n");
    assert_non_null(why);
    assert_non_null(strstr(why, " error process: exit was called "));
}

static void say_half_and_crash(loop *control)
{
    fprintf(stderr, "a line\nhalf ");
    loop_turn(control);
    fprintf(stderr, "of another");
    raise(SIGSEGV);
}

static void half_a_line_comes_out(void **state)
{
    (void)state;
    assert_true(WIFSIGNALED(run(say_half_and_crash)));
    assert_non_null(strstr(text, "\nhalf of another\n"));
    assert_int_equal(times("a line"), 1);
}

static void *be_the_control_thread(void *control)
{
    for (;;) {
        loop_turn(control);
    }
    return NULL;
}

/* In pieces, as libstdc++ tells of what nobody has caught. */
static void abort_beside_the_reader(loop *control)
{
    pthread_t reader;
    pthread_create(&reader, NULL, be_the_control_thread, control);
    fprintf(stderr, "skipping frame\n");
    fprintf(stderr, "this ");
    fprintf(stderr, "is ");
    fprintf(stderr, "why\n");
    abort();
}

/* At whatever moment the control thread wakes for it. */
static void even_when_it_is_just_being_read(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        assert_true(WIFSIGNALED(run(abort_beside_the_reader)));
        assert_non_null(strstr(text, "this is why"));
        const char *last = strstr(text, " error process: signal SIGABRT ");
        assert_non_null(last);
        assert_string_equal(strchr(last, '\n'), "\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_logged),
        cmocka_unit_test(many_lines_are_counted),
        cmocka_unit_test(writing_never_waits),
        cmocka_unit_test(why_it_aborted_comes_out),
        cmocka_unit_test(even_when_it_was_left_out),
        cmocka_unit_test(and_before_an_exit),
        cmocka_unit_test(half_a_line_comes_out),
        cmocka_unit_test(even_when_it_is_just_being_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
