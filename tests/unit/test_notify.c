/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/notify.c: what a service manager hears, played by a datagram socket. */
#include "daemon/notify.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int manager = -1;

static void listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(name);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    const size_t size = offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '@' ? 0 : 1);
    assert_int_equal(bind(manager, (struct sockaddr *)&address, (socklen_t)size), 0);
    setenv("NOTIFY_SOCKET", name, 1);
}

/* The next message, or "" when there is none. */
static const char *heard(void)
{
    static char text[512];
    const ssize_t got = recv(manager, text, sizeof(text) - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

static void everything_is_heard(void)
{
    notify_ready();
    assert_string_equal(heard(), "READY=1");
    notify_stopping();
    assert_string_equal(heard(), "STOPPING=1");
    notify_status("serving\nMAINPID=1");
    assert_string_equal(heard(), "STATUS=serving");
    struct timespec before, after;
    long long usec = 0;
    clock_gettime(CLOCK_MONOTONIC, &before);
    notify_reloading();
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_int_equal(sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
    assert_true(usec / 1000000 >= before.tv_sec && usec / 1000000 <= after.tv_sec);
    assert_string_equal(heard(), "");
}

static void a_path(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof(path), "%s/notify", scratch_folder);
    listen_at(path);
    everything_is_heard();
    close(manager);
}

static void an_abstract_name(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof(name), "@cmpd-test-notify-%d", (int)getpid());
    listen_at(name);
    everything_is_heard();
    close(manager);
}

static void nobody_to_tell(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    notify_ready();
    static const char *const useless[] = {"", "@", "relative", "/nowhere/at/all"};
    for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
        setenv("NOTIFY_SOCKET", useless[i], 1);
        notify_ready();
    }
    char name[200];
    memset(name, 'x', sizeof(name) - 1);
    name[0] = '/';
    name[sizeof(name) - 1] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    notify_ready();
}

/* The last one: the process is silent from then on. */
static void after_another_has_taken_over(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof(name), "@cmpd-test-main-pid-%d", (int)getpid());
    listen_at(name);
    notify_main_pid(4711);
    assert_string_equal(heard(), "MAINPID=4711");
    notify_stopping();
    notify_ready();
    assert_string_equal(heard(), "");
    close(manager);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path),
        cmocka_unit_test(an_abstract_name),
        cmocka_unit_test(nobody_to_tell),
        cmocka_unit_test(after_another_has_taken_over),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
