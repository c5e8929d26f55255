/* SPDX-License-Identifier: Apache-2.0 */
/* http/server.c, entrance.c, drain.c: a worker's connections from one generation to the next. */
#include "http/server.h"

#include "http/internal.h"
#include "http/socket.h"

#include "free_port.h"
#include "pipeline_rig.h"
#include "scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TURNS_MAX      10000
#define ACCEPTS_A_TURN 32 /* twice what is meant: a timer may come late */

/* In the place of libc's: every connection fails before it gets here, while a test says so. */
static bool accepts_fail;
static unsigned accepts;

int accept4(int fd, struct sockaddr *from, socklen_t *size, int flags)
{
    accepts++;
    if (accepts_fail) {
        errno = ECONNABORTED;
        return -1;
    }
    return (int)syscall(SYS_accept4, fd, from, size, flags);
}

/* A worker with its server, on the test's thread. */
typedef struct fixture {
    rig rig;
    server *server;
    sockets *sockets;
    server_worker *worker;
    bool drained;
} fixture;

/* One made by hand: listeners of mc-1 at /cmp-mc1, or at PATH. */
typedef struct made {
    generation g;
    listener listeners[2];
} made;

/* Two listeners at most, as "name port path". */
static made *make(const fixture *f, const char *more, size_t count, const char *const names[],
                  const unsigned short ports[], const char *path)
{
    cmp_report report;
    char text[1024];
    report_init(&report);
    int size = snprintf(text, sizeof(text), "resolve: {stores: []}\n%s\nlisteners:\n", more);
    for (size_t i = 0; i < count; i++) {
        size += snprintf(text + size, sizeof(text) - (size_t)size,
                         "  - {name: %s, bind: '127.0.0.1:%u', interfaces: mc-1}\n", names[i],
                         ports[i]);
    }
    scratch_write("c.yaml", text);
    made *m = calloc(1, sizeof(*m));
    m->g = f->rig.generation;
    m->g.conf = conf_load("c.yaml", &report);
    assert_report(&report, "");
    report_dispose(&report);
    m->g.listeners = m->listeners;
    m->g.listener_count = count;
    for (size_t i = 0; i < count; i++) {
        const conf_listener *l = (const conf_listener *)m->g.conf->top.listeners.at + i;
        m->listeners[i] = (listener){.conf = l,
                                     .name = cmp_str_from(l->name),
                                     .paths = {{cmp_str_from(path), CMP_INTERFACE_MC1}},
                                     .path_count = 1};
    }
    return m;
}

static unsigned let_go;

/* As the daemon does it, when the last worker has let it go. */
static void on_let_go(void *g)
{
    made *m = g;
    if (m->g.listener_count == 0) {
        return; /* the rig's own */
    }
    let_go++;
    for (size_t i = 0; i < m->g.listener_count; i++) {
        sources_unref(&m->listeners[i].sources);
    }
    conf_destroy(&m->g.conf);
    free(m);
}

static void await_let_go(const fixture *f, unsigned count)
{
    for (unsigned turns = 0; let_go < count && turns < TURNS_MAX; turns++) {
        loop_turn(f->rig.loop);
    }
    assert_int_equal(let_go, count);
}

/* As the daemon does it, but all on one thread. */
static void take(fixture *f, made *m)
{
    cmp_report report;
    report_init(&report);
    assert_true(sockets_prepare(f->sockets, m->g.conf, &report));
    (void)sockets_commit(f->sockets);
    server_adopt(f->server, &m->g, 100);
    server_worker_take(f->worker, &m->g, sockets_hand_make(f->sockets, 0));
    report_dispose(&report);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    let_go = 0;
    rig_init(&f->rig);
    f->rig.process.let_go = on_let_go;
    f->server = server_create(1, 1000);
    assert_non_null(f->server);
    f->sockets = sockets_create(1);
    f->worker = server_worker_start(f->server, &f->rig.worker);
    *state = f;
    return 0;
}

static void on_drained(void *arg)
{
    ((fixture *)arg)->drained = true;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    server_worker_drain(f->worker, 0, on_drained, f);
    for (unsigned turns = 0; !f->drained && turns < TURNS_MAX; turns++) {
        loop_turn(f->rig.loop);
    }
    assert_true(f->drained);
    server_worker_destroy(&f->worker);
    loop_settle(f->rig.loop);
    rig_dispose(&f->rig);
    server_destroy(&f->server);
    sockets_destroy(&f->sockets);
    free(f);
    return 0;
}

/* ---- a client ---- */

static int try_connect(unsigned short port)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons(port)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static int open_to(unsigned short port)
{
    const int fd = try_connect(port);
    assert_true(fd >= 0);
    return fd;
}

static void send_get_of(int fd, const char *target)
{
    char get[256];
    const int size = snprintf(get, sizeof(get), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    assert_int_equal(send(fd, get, (size_t)size, MSG_NOSIGNAL), size);
}

static void send_get(int fd)
{
    send_get_of(fd, "/one");
}

/* What has come once `enough` says so; "" when the connection has ended. */
static const char *await(fixture *f, int fd, bool (*enough)(const char *text))
{
    static char text[4096];
    size_t size = 0;
    text[0] = '\0';
    for (unsigned turns = 0; turns < TURNS_MAX && !enough(text); turns++) {
        const ssize_t got = recv(fd, text + size, sizeof(text) - 1 - size, 0);
        if (got == 0) {
            return "";
        }
        size += got > 0 ? (size_t)got : 0;
        text[size] = '\0';
        if (got < 0) {
            assert_int_equal(errno, EAGAIN);
            loop_turn(f->rig.loop);
        }
    }
    return text;
}

/* Its body is a problem in JSON. */
static bool is_answer(const char *text)
{
    return strstr(text, "\r\n\r\n{") != NULL && text[strlen(text) - 1] == '}';
}

static bool never(const char *text)
{
    (void)text;
    return false;
}

static const char *request(fixture *f, int fd)
{
    send_get(fd);
    return await(f, fd, is_answer);
}

static const char *request_of(fixture *f, int fd, const char *target)
{
    send_get_of(fd, target);
    return await(f, fd, is_answer);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

/* ---- tests ---- */

static void a_connection_goes_on(void **state)
{
    fixture *f = *state;
    const unsigned short port = free_port();
    made *first = make(f, "", 1, (const char *[]){"a"}, &port, "/one");
    take(f, first);
    const int fd = open_to(port);
    assert_has(request(f, fd), "HTTP/1.1 400 "); /* nothing is asked for */
    const sources *counted = first->listeners[0].sources;
    made *second = make(f, "", 1, (const char *[]){"a"}, &port, "/two");
    take(f, second);
    assert_ptr_equal(second->listeners[0].sources, counted);
    await_let_go(f, 1); /* nothing points into it any more */
    const char *answer = request(f, fd);
    assert_has(answer, "HTTP/1.1 404 ");
    assert_null(strstr(answer, "onnection: close"));
    const int late = open_to(port);
    assert_has(request(f, late), "HTTP/1.1 404 ");
    close(late);
    close(fd);
}

static void limits_follow(void **state)
{
    fixture *f = *state;
    const unsigned short port = free_port();
    made *first =
        make(f, "limits: {request_timeout: 60s}", 1, (const char *[]){"a"}, &port, "/one");
    made *second =
        make(f, "limits: {request_timeout: 100ms}", 1, (const char *[]){"a"}, &port, "/one");
    take(f, first);
    const int fd = open_to(port);
    assert_has(request(f, fd), "HTTP/1.1 400 ");
    take(f, second);
    assert_string_equal(await(f, fd, never), ""); /* as it is idle for so long */
    close(fd);
}

static void listeners_come_and_go(void **state)
{
    fixture *f = *state;
    const unsigned short ports[] = {free_port(), free_port()};
    made *first = make(f, "drain: 60s", 1, (const char *[]){"a"}, ports, "/one");
    made *both = make(f, "drain: 60s", 2, (const char *[]){"a", "b"}, ports, "/one");
    made *last = make(f, "drain: 60s", 1, (const char *[]){"b"}, ports + 1, "/one");
    take(f, first);
    assert_int_equal(try_connect(ports[1]), -1);
    const int to_a = open_to(ports[0]);
    assert_has(request(f, to_a), "HTTP/1.1 400 ");
    take(f, both);
    const int to_b = open_to(ports[1]);
    assert_has(request(f, to_b), "HTTP/1.1 400 ");
    const int queued = open_to(ports[0]); /* by the kernel only */
    take(f, last);
    assert_int_equal(try_connect(ports[0]), -1);
    /* Who is in is served, told, and ended. */
    assert_int_equal(let_go, 1); /* the first; the second is there for them */
    const char *answer = request(f, to_a);
    assert_has(answer, "HTTP/1.1 400 ");
    assert_has(answer, "onnection: close");
    assert_string_equal(await(f, to_a, never), "");
    assert_has(request(f, queued), "HTTP/1.1 400 ");
    /* The others notice nothing. */
    answer = request(f, to_b);
    assert_null(strstr(answer, "onnection: close"));
    assert_string_equal(await(f, queued, never), "");
    await_let_go(f, 2);
    assert_non_null(f->worker->entrances);
    assert_null(f->worker->entrances->next); /* that of a has gone */
    close(queued);
    close(to_a);
    close(to_b);
}

static void who_is_idle_where_nothing_is_any_more(void **state)
{
    fixture *f = *state;
    const unsigned short ports[] = {free_port(), free_port()};
    made *both = make(f, "drain: 60s", 2, (const char *[]){"a", "b"}, ports, "/one");
    made *last = make(f, "drain: 60s", 1, (const char *[]){"b"}, ports + 1, "/one");
    take(f, both);
    const int to_a = open_to(ports[0]), to_b = open_to(ports[1]);
    assert_has(request(f, to_a), "HTTP/1.1 400 ");
    take(f, last);
    assert_string_equal(await(f, to_a, never), "");
    assert_has(request(f, to_b), "HTTP/1.1 400 ");
    close(to_a);
    close(to_b);
}

/* The operator has had all of them leave long ago: from when on the listener is gone counts. */
static void a_listener_that_goes_after_a_drain(void **state)
{
    fixture *f = *state;
    const unsigned short ports[] = {free_port(), free_port()};
    made *both = make(f, "drain: 5s", 2, (const char *[]){"a", "b"}, ports, "/one");
    made *last = make(f, "drain: 5s", 1, (const char *[]){"b"}, ports + 1, "/one");
    take(f, both);
    const int to_a = open_to(ports[0]);
    while (f->worker->connections == NULL) {
        loop_turn(f->rig.loop);
    }
    send_get(to_a);
    server_worker_ask_to_leave(f->worker, true);
    assert_int_not_equal(f->worker->connections->leaving_since_ms, 0);
    f->worker->connections->leaving_since_ms = 1;
    take(f, last);
    const char *answer = await(f, to_a, is_answer);
    assert_has(answer, "HTTP/1.1 400 ");
    assert_has(answer, "onnection: close");
    assert_string_equal(await(f, to_a, never), "");
    close(to_a);
}

static void the_same_address_by_another_name(void **state)
{
    fixture *f = *state;
    const unsigned short port = free_port();
    made *first = make(f, "", 1, (const char *[]){"a"}, &port, "/one");
    made *second = make(f, "", 1, (const char *[]){"b"}, &port, "/two");
    take(f, first);
    const int to_a = open_to(port);
    assert_has(request(f, to_a), "HTTP/1.1 400 ");
    const int queued = open_to(port);
    take(f, second);
    assert_has(request(f, queued), "HTTP/1.1 404 ");
    assert_has(request(f, to_a), "onnection: close");
    close(to_a);
    close(queued);
}

/* New ones come as fast as they are taken in. */
static void a_listener_that_goes_in_a_flood(void **state)
{
    fixture *f = *state;
    const unsigned short ports[] = {free_port(), free_port()};
    made *first = make(f, "", 1, (const char *[]){"a"}, ports, "/one");
    made *last = make(f, "", 1, (const char *[]){"b"}, ports + 1, "/one");
    take(f, first);
    accepts = 0;
    accepts_fail = true;
    take(f, last);
    assert_in_range(accepts, 1, ACCEPTS_A_TURN);
    while (f->worker->entrances->next != NULL) { /* the old one stays until all are in */
        const size_t before = accepts;
        loop_turn(f->rig.loop);
        assert_in_range(accepts - before, 0, ACCEPTS_A_TURN);
    }
    accepts_fail = false;
    assert_int_equal(accepts, SOCKET_BACKLOG + 1);
    assert_int_equal(try_connect(ports[0]), -1);
}

/* As often as a balancer likes to know. */
static void who_probes_is_not_idle(void **state)
{
    fixture *f = *state;
    const unsigned short port = free_port();
    made *m = make(f, "", 1, (const char *[]){"a"}, &port, "/one");
    ((conf_listener *)(uintptr_t)m->listeners[0].conf)->health = true;
    take(f, m);
    const int fd = open_to(port);
    assert_has(request_of(f, fd, "/live"), "HTTP/1.1 200 ");
    f->worker->connections->last_ms = 0;
    assert_has(request_of(f, fd, "/live"), "HTTP/1.1 200 ");
    assert_int_not_equal(f->worker->connections->last_ms, 0);
    assert_int_equal(f->worker->connections->requests, 2);
    close(fd);
}

/* One answer after the other on a connection, and whether it is a partner's then. */
static void who_is_a_partner(void **state)
{
    fixture *f = *state;
    rig_plugin *auth = &f->rig.auth[0], *store = &f->rig.stores[0];
    const unsigned short port = free_port();
    made *m = make(f, "", 1, (const char *[]){"a"}, &port, "/one");
    m->listeners[0].paths[0].interface = CMP_INTERFACE_MC3;
    m->listeners[0].auth = f->rig.listener.auth;
    store->record.content = CMP_STR("https://a.example.net/1");
    take(f, m);
    const struct {
        int auth, store, status_of_record;
        unsigned transactions; /* that there may be */
        const char *status;
        bool partner;
    } steps[] = {
        {CMP_AUTH_ACCEPT, CMP_STORE_UNAVAILABLE, CMP_RECORD_ACTIVE, 100, " 503 ", true},
        {CMP_AUTH_REJECT, CMP_STORE_ABSENT, CMP_RECORD_ACTIVE, 100, " 401 ", false},
        {CMP_AUTH_UNAVAILABLE, CMP_STORE_ABSENT, CMP_RECORD_ACTIVE, 100, " 503 ", false},
        {CMP_AUTH_ACCEPT, CMP_STORE_ABSENT, CMP_RECORD_ACTIVE, 100, " 404 ", true},
        {CMP_AUTH_UNAVAILABLE, CMP_STORE_ABSENT, CMP_RECORD_ACTIVE, 100, " 503 ", true},
        {CMP_AUTH_ACCEPT, CMP_STORE_FOUND, CMP_RECORD_REVOKED, 100, " 410 ", true},
        {CMP_AUTH_REJECT, CMP_STORE_ABSENT, CMP_RECORD_ACTIVE, 100, " 401 ", false},
        {CMP_AUTH_ACCEPT, CMP_STORE_FOUND, CMP_RECORD_ACTIVE, 100, " 200 ", true},
        {CMP_AUTH_ACCEPT, CMP_STORE_FOUND, CMP_RECORD_ACTIVE, 0, " 503 ", true},
    };
    const int fd = open_to(port);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char target[64];
        snprintf(target, sizeof(target), "/one?tid=t-%zu&ici=1A0F1-1&user=u", i);
        auth->verdict = steps[i].auth;
        store->verdict = steps[i].store;
        store->record.status = (cmp_record_status)steps[i].status_of_record;
        m->g.conf->top.limits.transactions = steps[i].transactions;
        assert_has(request_of(f, fd, target), steps[i].status);
        assert_int_equal(f->worker->connections->partner, steps[i].partner);
    }
    close(fd);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as cmpd does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits_follow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listeners_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_idle_where_nothing_is_any_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_address_by_another_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_listener_that_goes_after_a_drain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_listener_that_goes_in_a_flood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_probes_is_not_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_a_partner, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
