/* SPDX-License-Identifier: Apache-2.0 */
/* Whether libh2o calls our readers of HTTP/1; see picohttp.h. A libh2o that was linked in another
 * way would read by itself, and nothing else would show it. */
#include "http/picohttp.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX 100
#define TURN_MS   10

/* libh2o's own readers take both for good, and the handler is asked for what they say. */
static const char bad_head[] = "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n";
static const char bad_chunk[] =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n";

typedef struct probe {
    h2o_handler_t super;
    unsigned refused, accepted;
} probe;

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    probe *p = (probe *)handler;
    if (picohttp_refusal(req).code != ERROR_NONE) {
        p->refused++;
    } else {
        p->accepted++;
    }
    h2o_send_error_400(req, "Bad Request", "", H2O_SEND_ERROR_HTTP1_CLOSE_CONNECTION);
    return 0;
}

/* Sends octets to libh2o over a pair of sockets, and waits until it has answered and closed. */
static void send_to(h2o_context_t *context, h2o_hostconf_t **hosts, const char *text)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
        return; /* and so nothing is found in place */
    }
    h2o_accept_ctx_t accept = {.ctx = context, .hosts = hosts};
    h2o_socket_t *socket = h2o_evloop_socket_create(context->loop, ends[1], 0);
    char answer[512];
    bool sent = write(ends[0], text, strlen(text)) > 0;
    h2o_accept(&accept, socket);
    for (int i = 0; sent && i < TURNS_MAX && read(ends[0], answer, sizeof(answer)) != 0; i++) {
        h2o_evloop_run(context->loop, TURN_MS);
    }
    close(ends[0]);
    h2o_evloop_run(context->loop, 0); /* in which it sees that, if it has not closed yet */
}

bool picohttp_in_place(void)
{
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_config_init(&config);
    h2o_hostconf_t *hosts[] = {h2o_config_register_host(&config,
                                                        h2o_iovec_init(H2O_STRLIT("probe")), 65535),
                               NULL};
    h2o_pathconf_t *path = h2o_config_register_path(hosts[0], "/", 0);
    probe *p = (probe *)h2o_create_handler(path, sizeof(*p));
    p->super.on_req = on_request;
    h2o_evloop_t *loop = h2o_evloop_create();
    h2o_context_init(&context, loop, &config);
    send_to(&context, hosts, bad_head);
    send_to(&context, hosts, bad_chunk);
    const bool in_place = p->refused == 1 && p->accepted == 0;
    h2o_context_dispose(&context);
    h2o_evloop_destroy(loop); /* which leaves its epoll descriptor open */
    h2o_config_dispose(&config);
    return in_place;
}
