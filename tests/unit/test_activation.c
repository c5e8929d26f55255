/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/activation.c: what LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES say. Each case in a process
 * of its own, whose descriptors from 3 on are the test's. */
#include "daemon/activation.h"

#include "scratch.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Makes descriptor `fd` a socket that listens, or none. */
static void put(int fd, int type)
{
    const int made = socket(AF_INET, type, 0);
    const struct sockaddr_in any = {.sin_family = AF_INET};
    if (bind(made, (const struct sockaddr *)&any, sizeof(any)) != 0 ||
        (type == SOCK_STREAM && listen(made, 1) != 0)) {
        _exit(90);
    }
    if (made != fd) {
        dup2(made, fd);
        close(made);
    }
}

static void say(const char *pid, const char *fds, const char *names)
{
    char own[16];
    snprintf(own, sizeof(own), "%d", (int)getpid());
    setenv("LISTEN_PID", pid != NULL ? pid : own, 1);
    setenv("LISTEN_FDS", fds, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

static bool said(cmp_report *report, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    report_print(report, to);
    fclose(to);
    const bool same = strcmp(text, expected) == 0;
    if (!same) {
        fprintf(stderr, "said: %s", text);
    }
    free(text);
    return same;
}

static bool named(const inherited *in, size_t i, const char *name)
{
    return i < in->count &&
           (in->at[i].name == NULL ? name == NULL
                                   : name != NULL && strcmp(in->at[i].name, name) == 0);
}

static bool two_with_names(inherited *in, cmp_report *report)
{
    put(3, SOCK_STREAM);
    put(4, SOCK_STREAM);
    say(NULL, "2", "peers:handsets");
    activation_take(in, report);
    return in->count == 2 && in->at[0].fd == 3 && in->at[1].fd == 4 && named(in, 0, "peers") &&
           named(in, 1, "handsets") && said(report, "");
}

static bool fewer_names(inherited *in, cmp_report *report)
{
    put(3, SOCK_STREAM);
    put(4, SOCK_STREAM);
    put(5, SOCK_STREAM);
    say(NULL, "3", ":handsets");
    activation_take(in, report);
    return in->count == 3 && named(in, 0, NULL) && named(in, 1, "handsets") && named(in, 2, NULL);
}

static bool somebody_elses(inherited *in, cmp_report *report)
{
    put(3, SOCK_STREAM);
    say("1", "1", "peers");
    activation_take(in, report);
    return in->count == 0 && said(report, "");
}

static bool the_environment_is_cleaned(inherited *in, cmp_report *report)
{
    put(3, SOCK_STREAM);
    say(NULL, "1", "peers");
    activation_take(in, report);
    return getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL &&
           getenv("LISTEN_FDNAMES") == NULL;
}

static bool wrong_kinds(inherited *in, cmp_report *report)
{
    put(3, SOCK_DGRAM);
    put(4, SOCK_STREAM);
    close(5);
    say(NULL, "3", "clock");
    activation_take(in, report);
    return in->count == 1 &&
           said(report, "LISTEN_FDS: descriptor 3 (clock): it is a datagram socket, expected one "
                        "that listens for TCP\n"
                        "LISTEN_FDS: descriptor 5: it is not open\n");
}

static bool no_number(inherited *in, cmp_report *report)
{
    say(NULL, "many", "");
    activation_take(in, report);
    return in->count == 0 &&
           said(report, "LISTEN_FDS: \"many\" is no number of descriptors from 1 to 4096\n");
}

static void each_in_its_own_process(void **state)
{
    (void)state;
    static bool (*const cases[])(inherited * in, cmp_report * report) = {
        two_with_names, fewer_names, somebody_elses, the_environment_is_cleaned,
        wrong_kinds,    no_number,
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const pid_t child = fork();
        if (child == 0) {
            inherited in = {0};
            cmp_report report;
            report_init(&report);
            _exit(cases[i](&in, &report) ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status != 0) {
            fail_msg("case %zu: status %d", i, status);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_in_its_own_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
