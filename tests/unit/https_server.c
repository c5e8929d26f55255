/* SPDX-License-Identifier: Apache-2.0 */
/* See https_server.h. Words of `do=`:
 *   (none)   200, application/json, the request's method, path and body
 *   busy     503 with Retry-After: 7
 *   silent   no answer, but the connection lives
 *   freeze   no answer, and nothing is read any more
 *   drop     the connection ends without an answer
 *   big      a body of 100 kB          fields   header fields of 80 kB
 *   source   the address that the connection came from
 *   sni      the server name that the client asked for
 *   count    how many octets the request's body had
 *   interim  103 first, and trailers at the end
 *   garbage  octets that are no HTTP   reset    RST_STREAM (INTERNAL_ERROR)
 *   refuse   REFUSED_STREAM, once      refuse-always
 *   goaway   a GOAWAY that leaves this request out, once
 *   refuse-late  HEADERS, then REFUSED_STREAM
 *   chunked, close, cut, both, more    HTTP/1.1: framing of all kinds
 *   half     HTTP/1.1: the beginning of an answer
 *   late     HTTP/1.1: says `Connection: close`, and leaves it open */
#include "https_visitor.h"

#include <cmp-kit/memory.h>

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void https_must(bool good, const char *what)
{
    if (!good) {
        perror(what);
        ERR_print_errors_fp(stderr);
        abort();
    }
}

bool https_wants(const char *path, const char *word)
{
    const char *at = strstr(path, "do=");
    return at != NULL && strcmp(at + 3, word) == 0;
}

void https_write(const visitor *v, const char *text)
{
    SSL_write(v->ssl, text, (int)strlen(text));
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                   const unsigned char *in, unsigned in_size, void *arg)
{
    (void)ssl;
    const https_server *s = arg;
    const unsigned char *list =
        (const unsigned char *)(s->options.http1 ? "\x08http/1.1" : "\x02h2");
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_size, list, list[0] + 1U, in,
                                 in_size) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

static void *visit(void *arg)
{
    visitor *v = arg;
    v->ssl = SSL_new(v->server->tls);
    SSL_set_fd(v->ssl, v->fd);
    if (SSL_accept(v->ssl) == 1) {
        if (v->server->options.http1) {
            https_visit_h1(v);
        } else {
            https_visit_h2(v);
        }
        if (!https_wants(v->last, "cut")) {
            SSL_shutdown(v->ssl);
        }
    }
    ERR_clear_error();
    SSL_free(v->ssl);
    shutdown(v->fd, SHUT_RDWR);
    return NULL;
}

static void *serve(void *arg)
{
    https_server *s = arg;
    int fd;
    struct sockaddr_in from = {.sin_family = AF_INET};
    socklen_t size = sizeof(from);
    while ((fd = accept(s->fd, (struct sockaddr *)&from, &size)) >= 0) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        visitor *v = kit_calloc(1, sizeof(*v));
        v->server = s;
        v->fd = fd;
        inet_ntop(AF_INET, &from.sin_addr, v->source, sizeof(v->source));
        pthread_mutex_lock(&s->lock);
        https_must(s->visitor_count < CONNECTIONS_MAX, "too many connections");
        s->visitors[s->visitor_count++] = v;
        atomic_fetch_add(&s->connections, 1); /* before anybody can have an answer of it */
        https_must(pthread_create(&v->thread, NULL, visit, v) == 0, "thread");
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

https_server *https_start(const https_options *options)
{
    https_server *s = kit_calloc(1, sizeof(*s));
    char path[64];
    s->options = *options;
    s->tls = SSL_CTX_new(TLS_server_method());
    snprintf(path, sizeof(path), "%s.pem", options->name);
    https_must(SSL_CTX_use_certificate_chain_file(s->tls, path) == 1, path);
    snprintf(path, sizeof(path), "%s.key", options->name);
    https_must(SSL_CTX_use_PrivateKey_file(s->tls, path, SSL_FILETYPE_PEM) == 1, path);
    SSL_CTX_set_max_proto_version(s->tls, options->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_alpn_select_cb(s->tls, on_alpn, s);
    if (options->client_wanted) {
        https_must(SSL_CTX_load_verify_file(s->tls, "ca.pem") == 1, "ca.pem");
        SSL_CTX_set_verify(s->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(options->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(at);
    const int on = 1;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    https_must(bind(s->fd, (const struct sockaddr *)&at, size) == 0 && listen(s->fd, 64) == 0,
               "listen");
    getsockname(s->fd, (struct sockaddr *)&at, &size);
    s->port = ntohs(at.sin_port);
    pthread_mutex_init(&s->lock, NULL);
    https_must(pthread_create(&s->thread, NULL, serve, s) == 0, "thread");
    return s;
}

uint16_t https_port(const https_server *s)
{
    return s->port;
}

unsigned https_connections(const https_server *s)
{
    return atomic_load(&s->connections);
}

unsigned https_requests(const https_server *s)
{
    return atomic_load(&s->requests);
}

void https_close_connections(https_server *s)
{
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->visitor_count; i++) {
        shutdown(s->visitors[i]->fd, SHUT_RD); /* its thread then says goodbye */
        pthread_join(s->visitors[i]->thread, NULL);
        close(s->visitors[i]->fd);
        free(s->visitors[i]);
    }
    s->visitor_count = 0;
    pthread_mutex_unlock(&s->lock);
}

void https_refuse_connections(https_server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    s->fd = -1;
}

void https_stop(https_server **s_ref)
{
    https_server *s = *s_ref;
    atomic_store(&s->stopping, true);
    if (s->fd >= 0) {
        https_refuse_connections(s);
    }
    https_close_connections(s);
    SSL_CTX_free(s->tls);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *s_ref = NULL;
}
