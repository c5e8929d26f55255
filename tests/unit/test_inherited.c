/* SPDX-License-Identifier: Apache-2.0 */
/* http/inherited.c: sockets that were given to the process, and the listeners that they are for. */
#include "http/inherited.h"

#include "scratch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>

/* ---- sockets ---- */

static int bound(int family, int type, uint16_t port, bool v6_only)
{
    const int fd = socket(family, type, 0), only = v6_only, on = 1;
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    }
    assert_int_equal(bind(fd, family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
                          family == AF_INET ? sizeof(v4) : sizeof(v6)),
                     0);
    return fd;
}

static int listening(int family, bool v6_only)
{
    const int fd = bound(family, SOCK_STREAM, 0, v6_only);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static unsigned port_of(int fd)
{
    struct sockaddr_in6 at;
    socklen_t size = sizeof(at);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.sin6_port); /* at the same place as sin_port */
}

static void give(inherited *in, int fd, const char *name, const char *bind)
{
    char error[128] = "";
    if (!inherited_add(in, fd, name, bind, error, sizeof(error))) {
        fail_msg("%s", error);
    }
}

/* ---- listeners ---- */

static char text[8][64];
static const char *binds[8];
static conf_listener listeners[2];

/* The first so many addresses are the first listener's. */
static const conf *configure(const char *first, size_t count, const char *second, size_t more)
{
    static conf c;
    listeners[0] = (conf_listener){.name = first, .bind = {binds, count}};
    listeners[1] = (conf_listener){.name = second, .bind = {binds + count, more}};
    c.top.listeners.at = listeners;
    c.top.listeners.count = more > 0 ? 2 : 1;
    return &c;
}

static void set_bind(size_t i, const char *host, unsigned port)
{
    snprintf(text[i], sizeof(text[i]), "%s:%u", host, port);
    binds[i] = text[i];
}

static int taken(inherited *in, size_t listener, size_t bind_at)
{
    int fds[4];
    const size_t count = inherited_take(in, listener, bind_at, fds, 4);
    assert_in_range(count, 0, 1);
    return count == 1 ? fds[0] : -1;
}

static void an_address_finds_its_listener(void **state)
{
    (void)state;
    inherited in = {0};
    const int v4 = listening(AF_INET, false), both = listening(AF_INET6, false);
    give(&in, both, "cmpd.socket", NULL);
    give(&in, v4, "cmpd.socket", NULL);
    set_bind(0, "127.0.0.1", port_of(v4));
    set_bind(1, "127.0.0.1", port_of(both));
    set_bind(2, "*", port_of(both));
    inherited_match(&in, configure("peers", 2, "handsets", 1));
    assert_int_equal(taken(&in, 0, 0), v4);
    assert_int_equal(taken(&in, 0, 1), -1);
    assert_int_equal(taken(&in, 1, 0), both);
    assert_int_equal(taken(&in, 1, 0), -1); /* it is taken */
    assert_int_equal(fcntl(v4, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(v4, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    inherited_dispose(&in);
    assert_int_equal(close(v4), 0);
    assert_int_equal(close(both), 0);
}

/* One socket for both families is not the one for IPv6 alone. */
static void families_are_told_apart(void **state)
{
    (void)state;
    inherited in = {0};
    const int only = listening(AF_INET6, true);
    give(&in, only, NULL, NULL);
    set_bind(0, "*", port_of(only));
    inherited_match(&in, configure("peers", 1, NULL, 0));
    assert_int_equal(taken(&in, 0, 0), -1);
    set_bind(0, "[::]", port_of(only));
    inherited_match(&in, configure("peers", 1, NULL, 0));
    assert_int_equal(taken(&in, 0, 0), only);
    inherited_dispose(&in);
    close(only);
}

/* By its name a socket goes to another address than was configured; only where one can be meant,
 * and no other listener has its address. */
static void a_name_finds_its_listener(void **state)
{
    (void)state;
    inherited in = {0};
    const int fd = listening(AF_INET, false);
    give(&in, fd, "handsets", NULL);
    set_bind(0, "127.0.0.1", 1);
    set_bind(1, "127.0.0.1", 2);
    inherited_match(&in, configure("handsets", 2, NULL, 0));
    assert_int_equal(taken(&in, 0, 0), -1);
    assert_int_equal(taken(&in, 0, 1), -1);
    inherited_match(&in, configure("peers", 1, "others", 1));
    assert_int_equal(taken(&in, 0, 0), -1);
    inherited_match(&in, configure("peers", 1, "handsets", 1));
    assert_int_equal(taken(&in, 1, 0), fd);
    in.at[0].fd = fd;
    set_bind(0, "127.0.0.1", port_of(fd));
    inherited_match(&in, configure("peers", 1, "handsets", 1));
    assert_int_equal(taken(&in, 0, 0), fd);
    inherited_dispose(&in);
    close(fd);
}

/* Of a process before: a port that the kernel had chosen is known by what was written. */
static void what_it_was_bound_by_finds_its_listener(void **state)
{
    (void)state;
    inherited in = {0};
    const int one = listening(AF_INET, false), other = listening(AF_INET, false);
    give(&in, one, "peers", "127.0.0.1:0");
    give(&in, other, "handsets", "127.0.0.1:0");
    set_bind(0, "127.0.0.1", 0);
    set_bind(1, "127.0.0.1", 0);
    inherited_match(&in, configure("handsets", 1, "peers", 1));
    assert_int_equal(taken(&in, 0, 0), other);
    assert_int_equal(taken(&in, 1, 0), one);
    inherited_dispose(&in);
    close(one);
    close(other);
}

static void the_same_socket_counts_once(void **state)
{
    (void)state;
    inherited in = {0};
    const int fd = listening(AF_INET, false), again = dup(fd);
    give(&in, fd, "peers", NULL);
    give(&in, again, "peers", NULL);
    assert_int_equal(in.count, 1);
    assert_int_equal(fcntl(again, F_GETFD), -1); /* closed */
    inherited_dispose(&in);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* nobody has taken it */
}

static void several_of_one_address_come_together(void **state)
{
    (void)state;
    inherited in = {0};
    const int on = 1;
    const int one = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(one, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    assert_int_equal(bind(one, (struct sockaddr *)&at, sizeof(at)), 0);
    at.sin_port = htons((uint16_t)port_of(one));
    assert_int_equal(bind(other, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(one, 1), 0);
    assert_int_equal(listen(other, 1), 0);
    give(&in, one, NULL, NULL);
    give(&in, other, NULL, NULL);
    set_bind(0, "127.0.0.1", port_of(one));
    inherited_match(&in, configure("peers", 1, NULL, 0));
    int fds[2] = {-1, -1};
    assert_int_equal(inherited_take(&in, 0, 0, fds, 2), 2);
    assert_int_equal(fds[0], one);
    assert_int_equal(fds[1], other);
    inherited_dispose(&in);
    close(one);
    close(other);
}

/* ---- what is none ---- */

static void refuse(int fd, const char *why)
{
    inherited in = {0};
    char error[128] = "";
    assert_false(inherited_add(&in, fd, "peers", NULL, error, sizeof(error)));
    assert_string_equal(error, why);
    assert_int_equal(in.count, 0);
}

static void the_wrong_kind_is_named(void **state)
{
    (void)state;
    const int pair = socket(AF_UNIX, SOCK_STREAM, 0);
    refuse(bound(AF_INET, SOCK_DGRAM, 0, false),
           "it is a datagram socket, expected one that listens for TCP");
    refuse(bound(AF_INET, SOCK_STREAM, 0, false), "it does not listen");
    refuse(open("/dev/null", O_RDONLY), "it is no socket");
    refuse(9999, "it is not open");
    const struct sockaddr any = {.sa_family = AF_UNIX};
    assert_int_equal(bind(pair, &any, sizeof(any.sa_family)), 0);
    assert_int_equal(listen(pair, 1), 0);
    refuse(pair, "it is neither of IPv4 nor of IPv6");
}

static void keep_text(const char *what, void *arg)
{
    snprintf(arg, 256, "%s", what);
}

static void what_is_left_is_named(void **state)
{
    (void)state;
    inherited in = {0};
    char said[256] = "", expected[256];
    const int fd = listening(AF_INET, false);
    snprintf(expected, sizeof(expected), "descriptor %d (lost), listening at 127.0.0.1:%u", fd,
             port_of(fd));
    give(&in, fd, "lost", NULL);
    inherited_each_left(&in, keep_text, said);
    assert_string_equal(said, expected);
    inherited_dispose(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_finds_its_listener),
        cmocka_unit_test(families_are_told_apart),
        cmocka_unit_test(a_name_finds_its_listener),
        cmocka_unit_test(what_it_was_bound_by_finds_its_listener),
        cmocka_unit_test(the_same_socket_counts_once),
        cmocka_unit_test(several_of_one_address_come_together),
        cmocka_unit_test(the_wrong_kind_is_named),
        cmocka_unit_test(what_is_left_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
