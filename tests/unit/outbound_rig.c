/* SPDX-License-Identifier: Apache-2.0 */
/* See outbound_rig.h. */
#include "outbound_rig.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

int outbound_enter(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(100);
    log_setup(CMP_LOG_ERROR, LOG_TEXT);
    if (scratch_enter(state) != 0) {
        return 1;
    }
    https_make_certificates();
    return 0;
}

int outbound_leave(void **state)
{
    return scratch_leave(state);
}

origin_options options_for(uint16_t port, char url[64])
{
    snprintf(url, 64, "https://127.0.0.1:%u/mc", port);
    return (origin_options){.name = "peer",
                            .url = url,
                            .ca = "ca.pem",
                            .connections_max = 4,
                            .waiting_max = 100,
                            .connect_timeout_ms = PATIENCE_MS,
                            .idle_timeout_ms = 60000,
                            .resolve_interval_ms = 60000};
}

rig rig_make(const origin_options *options)
{
    char error[256] = "";
    rig r = {.l = loop_create(), .p = pool_create(1, 8)};
    r.o = outbound_create(r.l, r.p);
    r.to = origin_create(options, error, sizeof(error));
    if (r.to == NULL) {
        fail_msg("%s", error);
    }
    return r;
}

rig rig_for(const https_server *s)
{
    char url[64];
    const origin_options options = options_for(https_port(s), url);
    return rig_make(&options);
}

void rig_end(rig *r)
{
    outbound_destroy(&r->o);
    origin_unref(&r->to);
    assert_true(pool_destroy(&r->p, PATIENCE_MS));
    loop_destroy(&r->l);
}

static void on_answer(void *arg, const cmp_https_answer *a)
{
    static unsigned outcomes;
    outcome *out = arg;
    out->times++;
    out->place = ++outcomes;
    out->result = a->result;
    snprintf(out->detail, sizeof(out->detail), "%s", a->detail != NULL ? a->detail : "");
    out->status = a->status;
    snprintf(out->type, sizeof(out->type), "%.*s", (int)a->content_type.size, a->content_type.at);
    out->retry_after_s = a->retry_after_s;
    out->size = a->body.size;
    snprintf(out->body, sizeof(out->body), "%.*s", (int)(a->body.size < 500 ? a->body.size : 500),
             a->body.at);
}

outbound_call *begin_request(rig *r, const cmp_https_request *request, outcome *out)
{
    memset(out, 0, sizeof(*out));
    outbound_call *c = outbound_start(r->o, r->to, request, on_answer, out);
    assert_int_equal(out->times, 0); /* never from within */
    return c;
}

outbound_call *begin(rig *r, const char *query, uint64_t timeout_ms, outcome *out)
{
    char path[512];
    snprintf(path, sizeof(path), "?%s", query != NULL ? query : "");
    const cmp_https_request request = {.method = "GET",
                                       .path = query != NULL ? cmp_str_from(path) : CMP_NONE,
                                       .timeout_ms = timeout_ms,
                                       .answer_max = 65536};
    return begin_request(r, &request, out);
}

void wait_for(rig *r, const outcome *out)
{
    while (out->times == 0) {
        loop_turn(r->l);
    }
    assert_int_equal(out->times, 1);
}

outcome ask(rig *r, const char *query)
{
    outcome out;
    begin(r, query, PATIENCE_MS, &out);
    wait_for(r, &out);
    return out;
}

outcome ask_for(rig *r, const cmp_https_request *request)
{
    outcome out;
    begin_request(r, request, &out);
    wait_for(r, &out);
    return out;
}

void wait_until_written(rig *r)
{
    const wire *w = TAILQ_FIRST(&lane_get(r->o, r->to)->wires);
    while (w != NULL) {
        if (w->flushing || h2o_socket_is_writing(w->socket)) {
            loop_turn(r->l);
        } else {
            w = TAILQ_NEXT(w, entry);
        }
    }
}

static void set_flag(void *arg)
{
    *(bool *)arg = true;
}

void run_for(rig *r, uint64_t ms)
{
    bool over = false;
    loop_timer_start(r->l, ms, set_flag, &over);
    while (!over) {
        loop_turn(r->l);
    }
}

uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t loop_ms(const rig *r)
{
    return h2o_now(loop_h2o(r->l));
}

int port_keep(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(at);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* in no server's way */
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, size), 0);
    getsockname(fd, (struct sockaddr *)&at, &size);
    *port = ntohs(at.sin_port);
    return fd;
}

int mute_listen(uint16_t *port)
{
    const int fd = port_keep(port);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}
