/* SPDX-License-Identifier: Apache-2.0 */
/* The limit that a resolve is measured against: libh2o with a handler that does nothing but send a
 * fixed body of the same size. One thread.
 *
 *     bare_h2o PORT CERTIFICATE KEY BODY-SIZE */
#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 16

static h2o_iovec_t body;
static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accept_context;

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    static h2o_generator_t no_more = {NULL, NULL};
    (void)handler;
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = body.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_start_response(req, &no_more);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static void on_accept(h2o_socket_t *listening, const char *error)
{
    for (int i = 0; error == NULL && i < ACCEPTS_PER_TURN; i++) {
        h2o_socket_t *socket = h2o_evloop_socket_accept(listening);
        if (socket == NULL) {
            return;
        }
        h2o_accept(&accept_context, socket);
    }
}

static void listen_on(const char *port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 4096) != 0) {
        perror("listen");
        exit(1);
    }
    h2o_socket_read_start(h2o_evloop_socket_create(context.loop, fd, H2O_SOCKET_FLAG_DONT_READ),
                          on_accept);
}

static SSL_CTX *tls(const char *certificate, const char *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
        fputs("cannot use certificate or key\n", stderr);
        exit(1);
    }
    h2o_ssl_register_alpn_protocols(ctx, h2o_http2_alpn_protocols);
    return ctx;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: bare_h2o PORT CERTIFICATE KEY BODY-SIZE\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    body.len = strtoul(argv[4], NULL, 10);
    body.base = malloc(body.len + 1);
    if (body.base == NULL) {
        return 1;
    }
    memset(body.base, 'x', body.len);
    h2o_config_init(&config);
    h2o_hostconf_t *host =
        h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&context, h2o_evloop_create(), &config);
    accept_context.ctx = &context;
    accept_context.hosts = config.hosts;
    accept_context.ssl_ctx = tls(argv[2], argv[3]);
    listen_on(argv[1]);
    while (h2o_evloop_run(context.loop, INT32_MAX) == 0) {
    }
    return 0;
}
