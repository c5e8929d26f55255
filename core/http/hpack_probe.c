/* SPDX-License-Identifier: Apache-2.0 */
/* See hpack_probe.h. A definition in the program stands in for that of a library only by the way
 * both were linked, which another build of either may change: so it is tried at every start. */
#include "http/hpack_probe.h"

#include "http/hpack.h"

#include <cmp-kit/memory.h>

#include <h2o/http2.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* All of it is read before h2o_http2_accept comes back. */
static const char request[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                              "\0\0\0\4\0\0\0\0\0"              /* SETTINGS */
                              "\0\0\3\1\5\0\0\0\1\x82\x87\x84"; /* GET https: / on stream 1 */

typedef struct probe {
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
} probe;

static void serve(probe *p, int fd)
{
    const size_t size = sizeof(request) - 1;
    h2o_socket_t *socket = h2o_evloop_socket_create(p->context.loop, fd, 0);
    memcpy(h2o_buffer_reserve(&socket->input, size).base, request, size);
    socket->input->size = size;
    h2o_http2_accept(&p->accept, socket, (struct timeval){0});
}

bool hpack_in_place(loop *l)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    probe *p = kit_calloc(1, sizeof(*p));
    h2o_config_init(&p->config);
    h2o_config_register_host(&p->config, h2o_iovec_init(H2O_STRLIT("probe")), 65535);
    h2o_context_init(&p->context, loop_h2o(l), &p->config);
    p->accept = (h2o_accept_ctx_t){.ctx = &p->context, .hosts = p->config.hosts};
    hpack_refuse(true);
    serve(p, pair[0]);
    hpack_refuse(false);
    close(pair[1]);
    for (int turn = 0; turn < 3; turn++) {
        loop_settle(l); /* it closes at once, or as it sees the other end closed */
    }
    h2o_context_dispose(&p->context);
    h2o_config_dispose(&p->config);
    free(p);
    return hpack_exceeded();
}
