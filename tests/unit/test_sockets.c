/* SPDX-License-Identifier: Apache-2.0 */
/* http/sockets.c: which sockets are open from one configuration to the next, and who has them. */
#include "http/sockets.h"

#include "http/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "free_port.h"
#include "scratch.h"

static conf *load(const char *listeners)
{
    cmp_report report;
    char text[1024];
    report_init(&report);
    snprintf(text, sizeof(text), "resolve: {stores: []}\nlisteners:\n%s", listeners);
    scratch_write("c.yaml", text);
    conf *c = conf_load("c.yaml", &report);
    assert_report(&report, "");
    report_dispose(&report);
    return c;
}

/* A listener of mc-1 with such binds. */
static const char *listener_of(const char *name, const char *binds)
{
    static char texts[4][256];
    static unsigned at;
    char *text = texts[at++ % 4];
    snprintf(text, sizeof(texts[0]), "  - {name: %s, bind: [%s], interfaces: mc-1}\n", name, binds);
    return text;
}

static const char *at_port(unsigned short port)
{
    static char texts[4][64];
    static unsigned at;
    char *text = texts[at++ % 4];
    snprintf(text, sizeof(texts[0]), "'127.0.0.1:%u'", port);
    return text;
}

static bool prepare(sockets *s, const char *listeners, const char *expected)
{
    cmp_report report;
    report_init(&report);
    conf *c = load(listeners);
    const bool good = sockets_prepare(s, c, &report);
    if (good) {
        (void)sockets_commit(s);
    }
    conf_destroy(&c);
    assert_report(&report, expected);
    report_dispose(&report);
    return good;
}

typedef struct found {
    char text[512];
    int fds[16];
    size_t count;
} found;

static void on_socket(const char *listener, const char *bind, unsigned worker, int fd, void *arg)
{
    found *f = arg;
    char one[128];
    snprintf(one, sizeof(one), "%s%s %s %u", f->count > 0 ? ", " : "", listener, bind, worker);
    strncat(f->text, one, sizeof(f->text) - strlen(f->text) - 1);
    f->fds[f->count++] = fd;
}

static found find(const sockets *s)
{
    found f = {.text = ""};
    sockets_each(s, on_socket, &f);
    return f;
}

static bool is_open(int fd)
{
    int listens = 0;
    socklen_t size = sizeof(listens);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens == 1;
}

static void hands(sockets *s, unsigned worker, const char *listener, int fd)
{
    sockets_hand *h = sockets_hand_make(s, worker);
    assert_int_equal(h->count, 1);
    assert_string_equal(h->at[0].listener, listener);
    assert_int_equal(h->at[0].fd, fd);
    sockets_hand_destroy(&h);
    assert_null(h);
}

static void what_stays_is_not_opened_again(void **state)
{
    (void)state;
    char expected[256];
    const unsigned short one = free_port(), two = free_port();
    sockets *s = sockets_create(2);
    assert_true(prepare(s, listener_of("a", at_port(one)), ""));
    const found before = find(s);
    snprintf(expected, sizeof(expected), "a 127.0.0.1:%u 0, a 127.0.0.1:%u 1", one, one);
    assert_string_equal(before.text, expected);
    hands(s, 0, "a", before.fds[0]);
    hands(s, 1, "a", before.fds[1]);

    char both[512];
    snprintf(both, sizeof(both), "%s%s", listener_of("b", at_port(two)),
             listener_of("a", at_port(one)));
    assert_true(prepare(s, both, ""));
    const found then = find(s);
    assert_int_equal(then.count, 4);
    assert_int_equal(then.fds[0], before.fds[0]);
    assert_int_equal(then.fds[1], before.fds[1]);

    /* What is gone is its worker's to close; what no worker was given, is closed here. */
    assert_true(prepare(s, listener_of("c", at_port(free_port())), ""));
    assert_true(is_open(before.fds[0]) && is_open(before.fds[1]));
    assert_false(is_open(then.fds[2]) || is_open(then.fds[3]));
    sockets_destroy(&s);
    assert_null(s);
    close(before.fds[0]);
    close(before.fds[1]);
}

static void a_listener_of_another_name(void **state)
{
    (void)state;
    const unsigned short port = free_port();
    sockets *s = sockets_create(1);
    assert_true(prepare(s, listener_of("a", at_port(port)), ""));
    const found before = find(s);
    assert_true(prepare(s, listener_of("b", at_port(port)), ""));
    hands(s, 0, "b", before.fds[0]);
    sockets_destroy(&s);
    close(before.fds[0]);
}

/* The same port of another address: for a moment both are open. */
static void an_address_that_overlaps(void **state)
{
    (void)state;
    char any[32];
    const unsigned short port = free_port();
    snprintf(any, sizeof(any), "'0.0.0.0:%u'", port);
    sockets *s = sockets_create(2);
    assert_true(prepare(s, listener_of("a", any), ""));
    assert_true(prepare(s, listener_of("a", at_port(port)), ""));
    assert_true(prepare(s, listener_of("a", any), ""));
    assert_int_equal(find(s).count, 2);
    sockets_destroy(&s);
}

/* Its worker closes it when it gets round to that, and until then has the port. */
static void a_listener_that_comes_back_before_it_has_gone(void **state)
{
    (void)state;
    char refused[128];
    const unsigned short port = free_port();
    sockets *s = sockets_create(1);
    assert_true(prepare(s, listener_of("a", at_port(port)), ""));
    const found before = find(s);
    hands(s, 0, "a", before.fds[0]);
    const char *elsewhere = listener_of("b", at_port(free_port()));
    assert_true(prepare(s, elsewhere, "")); /* the second commit */
    assert_true(prepare(s, listener_of("a", at_port(port)), ""));
    assert_int_not_equal(find(s).fds[0], before.fds[0]);
    assert_true(prepare(s, elsewhere, ""));
    sockets_gone(s, 1);
    assert_true(prepare(s, listener_of("a", at_port(port)), ""));
    assert_true(prepare(s, elsewhere, ""));
    /* When all workers have done it, whoever listens there is somebody else. */
    sockets_gone(s, 2);
    snprintf(refused, sizeof(refused),
             "c.yaml:3:15: listeners[0].bind: cannot bind 127.0.0.1:%u: Address already in use\n",
             port);
    assert_false(prepare(s, listener_of("a", at_port(port)), refused));
    close(before.fds[0]);
    assert_true(prepare(s, listener_of("a", at_port(port)), ""));
    sockets_destroy(&s);
}

static void any_port_is_each_listeners_own(void **state)
{
    (void)state;
    sockets *s = sockets_create(1);
    assert_true(prepare(s, listener_of("a", "'127.0.0.1:0', '127.0.0.1:0'"), ""));
    const found before = find(s);
    assert_int_equal(before.count, 2);
    char both[512];
    snprintf(both, sizeof(both), "%s%s", listener_of("b", "'127.0.0.1:0'"),
             listener_of("a", "'127.0.0.1:0', '127.0.0.1:0'"));
    assert_true(prepare(s, both, ""));
    const found then = find(s);
    assert_int_equal(then.count, 3);
    assert_int_equal(then.fds[0], before.fds[0]);
    assert_int_equal(then.fds[1], before.fds[1]);
    sockets_destroy(&s);
}

static void an_error_changes_nothing(void **state)
{
    (void)state;
    char expected[512], both[512];
    const unsigned short port = free_port(), new = free_port();
    conf_bind taken;
    assert_true(bind_parse("127.0.0.1:0", &taken));
    const int other = socket_choose_port(&taken);
    assert_int_equal(listen(other, 1), 0);
    const unsigned short used = endpoint_port(&taken.at);
    sockets *s = sockets_create(2);
    assert_true(prepare(s, listener_of("a", at_port(port)), ""));
    const found before = find(s);
    snprintf(both, sizeof(both), "%s%s", listener_of("new", at_port(new)),
             listener_of("a", at_port(used)));
    snprintf(expected, sizeof(expected),
             "c.yaml:4:15: listeners[1].bind: cannot bind 127.0.0.1:%u: Address already in "
             "use\n",
             used);
    assert_false(prepare(s, both, expected));
    const found then = find(s);
    assert_int_equal(then.count, 2);
    assert_string_equal(then.text, before.text);
    assert_true(is_open(then.fds[0]) && is_open(then.fds[1]));
    /* What was opened before the error is closed. */
    conf_bind b;
    char text[32];
    snprintf(text, sizeof(text), "127.0.0.1:%u", new);
    assert_true(bind_parse(text, &b) && socket_try(&b));
    /* And the next one is served. */
    assert_true(prepare(s, listener_of("a", at_port(port)), ""));
    hands(s, 1, "a", before.fds[1]);
    sockets_destroy(&s);
    close(before.fds[1]);
    close(other);
}

static int connect_to(unsigned short port)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons(port)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* A configuration that is tried only: the kernel prefers a socket of the exact address, once it
 * listens, and would reset who is in its queue when it is closed. */
static void what_is_abandoned_never_listened(void **state)
{
    (void)state;
    char any[32];
    const unsigned short port = free_port();
    snprintf(any, sizeof(any), "'0.0.0.0:%u'", port);
    sockets *s = sockets_create(1);
    assert_true(prepare(s, listener_of("a", any), ""));
    const found before = find(s);
    cmp_report report;
    report_init(&report);
    conf *c = load(listener_of("a", at_port(port)));
    assert_true(sockets_prepare(s, c, &report));
    const found both = find(s);
    assert_int_equal(both.count, 2);
    assert_false(is_open(both.fds[1]));
    const int client = connect_to(port);
    sockets_abandon(s);
    const int accepted = accept(before.fds[0], NULL, NULL);
    assert_true(accepted >= 0);
    char octet;
    assert_int_equal(recv(client, &octet, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    close(accepted);
    close(client);
    conf_destroy(&c);
    report_dispose(&report);
    sockets_destroy(&s);
}

/* ---- sockets that were handed over ---- */

/* So many that listen at one port, as the workers of a process before had them. */
static unsigned short others(inherited *in, unsigned count, const char *name, const char *bind)
{
    char error[128];
    const unsigned short port = free_port();
    conf_bind b;
    char text[64];
    snprintf(text, sizeof(text), "127.0.0.1:%u", port);
    assert_true(bind_parse(text, &b));
    for (unsigned i = 0; i < count; i++) {
        const int fd = socket_open(&b, 16384);
        assert_true(socket_listen(fd));
        assert_true(inherited_add(in, fd, name, bind, error, sizeof(error)));
    }
    return port;
}

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
    return cookie;
}

/* How many of them each worker gets, and how many sockets these are. */
static void spreads(unsigned workers, unsigned count, const char *expected, unsigned shared)
{
    inherited in = {0};
    const unsigned short port = others(&in, count, NULL, NULL);
    sockets *s = sockets_create(workers);
    char said[64] = "";
    uint64_t cookies[16];
    unsigned found_count = 0, sockets_count = 0, shared_count = 0;
    sockets_inherit(s, &in);
    assert_true(prepare(s, listener_of("a", at_port(port)), ""));
    for (unsigned worker = 0; worker < workers; worker++) {
        sockets_hand *h = sockets_hand_make(s, worker);
        snprintf(said + strlen(said), sizeof(said) - strlen(said), "%zu", h->count);
        for (size_t i = 0; i < h->count; i++) {
            shared_count += h->at[i].shared;
            cookies[found_count++] = cookie_of(h->at[i].fd);
        }
        sockets_hand_destroy(&h);
    }
    for (unsigned i = 0; i < found_count; i++) {
        bool again = false;
        for (unsigned k = 0; k < i; k++) {
            again = again || cookies[k] == cookies[i];
        }
        sockets_count += !again;
    }
    assert_string_equal(said, expected);
    assert_int_equal(sockets_count, count);
    assert_int_equal(shared_count, shared);
    /* All of them stay while the configuration has the address, and go with it. */
    const found before = find(s);
    assert_true(prepare(s, listener_of("b", at_port(port)), ""));
    assert_int_equal(find(s).count, before.count);
    assert_true(prepare(s, listener_of("b", at_port(free_port())), ""));
    assert_int_equal(find(s).count, workers);
    for (size_t i = 0; i < before.count; i++) {
        close(before.fds[i]); /* as their workers do */
    }
    sockets_destroy(&s);
    inherited_dispose(&in);
}

static void what_is_handed_over_is_spread(void **state)
{
    (void)state;
    spreads(2, 2, "11", 0);
    spreads(2, 5, "32", 0);
    spreads(3, 1, "111", 3);
    spreads(3, 2, "111", 2);
}

/* A worker that has no part in a socket would sit idle, and nobody know why. */
static void too_few_descriptors_to_share_one(void **state)
{
    (void)state;
    inherited in = {0};
    cmp_report report;
    report_init(&report);
    conf *c = load(listener_of("a", at_port(others(&in, 1, NULL, NULL))));
    sockets *s = sockets_create(3);
    sockets_inherit(s, &in);
    struct rlimit before, none = {0};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const bool good = sockets_prepare(s, c, &report);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(good);
    assert_int_equal(report.count, 1);
    assert_non_null(strstr(report.errors[0].text, "cannot bind 127.0.0.1:"));
    assert_int_equal(find(s).count, 0);
    conf_destroy(&c);
    report_dispose(&report);
    sockets_destroy(&s);
    inherited_dispose(&in);
}

/* A port that the kernel had chosen stays the same one. */
static void port_zero_goes_on(void **state)
{
    (void)state;
    inherited in = {0};
    others(&in, 1, "a", "127.0.0.1:0");
    const uint64_t cookie = cookie_of(in.at[0].fd);
    sockets *s = sockets_create(1);
    sockets_inherit(s, &in);
    assert_true(prepare(s, listener_of("a", "'127.0.0.1:0', '127.0.0.1:0'"), ""));
    const found all = find(s);
    assert_int_equal(all.count, 2);
    assert_int_equal(cookie_of(all.fds[0]), cookie);
    assert_int_not_equal(cookie_of(all.fds[1]), cookie);
    sockets_destroy(&s);
    inherited_dispose(&in);
}

static unsigned short of_others(inherited *in, const char *name, const char *bind, char *any)
{
    const unsigned short port = others(in, 1, name, bind);
    sprintf(any, "'0.0.0.0:%u'", port);
    return port;
}

/* The process before shares its ports with us, as it does with itself; nobody else does. */
static void another_address_of_a_port_that_was_handed_over(void **state)
{
    (void)state;
    char any[64], refused[128];
    inherited before = {0}, managers = {0};
    (void)of_others(&before, "a", "127.0.0.1:1", any);
    sockets *s = sockets_create(1);
    sockets_inherit(s, &before);
    assert_true(prepare(s, listener_of("a", any), ""));
    assert_int_equal(find(s).count, 1);
    sockets_destroy(&s);
    inherited_dispose(&before);

    s = sockets_create(1);
    const unsigned short port = of_others(&managers, NULL, NULL, any);
    sockets_inherit(s, &managers);
    snprintf(refused, sizeof(refused),
             "c.yaml:3:15: listeners[0].bind: cannot bind 0.0.0.0:%u: Address already in use\n",
             port);
    assert_false(prepare(s, listener_of("a", any), refused));
    sockets_destroy(&s);
    inherited_dispose(&managers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_handed_over_is_spread),
        cmocka_unit_test(too_few_descriptors_to_share_one),
        cmocka_unit_test(port_zero_goes_on),
        cmocka_unit_test(what_stays_is_not_opened_again),
        cmocka_unit_test(a_listener_of_another_name),
        cmocka_unit_test(a_listener_that_comes_back_before_it_has_gone),
        cmocka_unit_test(another_address_of_a_port_that_was_handed_over),
        cmocka_unit_test(an_address_that_overlaps),
        cmocka_unit_test(any_port_is_each_listeners_own),
        cmocka_unit_test(an_error_changes_nothing),
        cmocka_unit_test(what_is_abandoned_never_listened),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
