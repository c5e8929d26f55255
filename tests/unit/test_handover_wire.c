/* SPDX-License-Identifier: Apache-2.0 */
/* daemon/handover_wire.c: messages arrive whole, with their descriptor, or not at all. */
#include "daemon/handover_wire.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct pair {
    int ends[2];
} pair;

static int setup(void **state)
{
    static pair p;
    *state = &p;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, p.ends);
}

static int teardown(void **state)
{
    pair *p = *state;
    close(p->ends[0]);
    close(p->ends[1]);
    return 0;
}

static handover_message m;

static void receive(const pair *p)
{
    assert_int_equal(handover_receive(p->ends[1], &m), HANDOVER_RECEIVED);
}

static void words_and_a_descriptor(void **state)
{
    const pair *p = *state;
    const char *words[] = {"peers", NULL, "127.0.0.1:1"};
    struct stat sent, got;
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(handover_send(p->ends[0], HANDOVER_SOCKET, words, 3, fd));
    assert_true(handover_send(p->ends[0], HANDOVER_END, NULL, 0, -1));
    receive(p);
    assert_int_equal(m.kind, HANDOVER_SOCKET);
    assert_string_equal(m.words[0], "peers");
    assert_string_equal(m.words[1], "");
    assert_string_equal(m.words[2], "127.0.0.1:1");
    assert_string_equal(m.words[4], "");
    assert_int_equal(fstat(fd, &sent), 0);
    assert_int_equal(fstat(m.fd, &got), 0);
    assert_int_equal(sent.st_rdev, got.st_rdev);
    assert_int_equal(fcntl(m.fd, F_GETFD), FD_CLOEXEC);
    close(m.fd);
    close(fd);
    receive(p);
    assert_int_equal(m.kind, HANDOVER_END);
    assert_int_equal(m.fd, -1);
    assert_string_equal(m.words[0], "");
    assert_int_equal(handover_receive(p->ends[1], &m), HANDOVER_NOTHING);
}

static void long_words_are_cut(void **state)
{
    const pair *p = *state;
    static char word[3 * HANDOVER_SIZE_MAX];
    memset(word, 'x', sizeof(word) - 1);
    const char *words[] = {word, word, word, word, word};
    assert_true(handover_send(p->ends[0], HANDOVER_FAULT, words, 5, -1));
    receive(p);
    for (size_t i = 0; i < 5; i++) {
        assert_in_range(strlen(m.words[i]), HANDOVER_SIZE_MAX / 6, HANDOVER_SIZE_MAX / 5);
    }
}

/* What is said before the end still comes. */
static void the_other_end_closes(void **state)
{
    pair *p = *state;
    assert_true(handover_send(p->ends[0], HANDOVER_GO, NULL, 0, -1));
    close(p->ends[0]);
    receive(p);
    assert_int_equal(m.kind, HANDOVER_GO);
    assert_int_equal(handover_receive(p->ends[1], &m), HANDOVER_CLOSED);
    assert_false(handover_send(p->ends[1], HANDOVER_GO, NULL, 0, -1));
    p->ends[0] = -1;
}

static void octets_that_are_no_message(void **state)
{
    const pair *p = *state;
    static char octets[2 * HANDOVER_SIZE_MAX];
    assert_int_equal(send(p->ends[0], octets, sizeof(octets), 0), sizeof(octets));
    assert_int_equal(handover_receive(p->ends[1], &m), HANDOVER_CLOSED);
    assert_int_equal(send(p->ends[0], "\1no end", 7, 0), 7);
    receive(p);
    assert_string_equal(m.words[0], "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_and_a_descriptor),
        TEST(long_words_are_cut),
        TEST(the_other_end_closes),
        TEST(octets_that_are_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
