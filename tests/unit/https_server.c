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
#include "https_server.h"

#include <cmp-kit/memory.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS_MAX 512
#define BIG_SIZE        ((size_t)100000)
#define FIELD_SIZE      ((size_t)40000)

typedef struct visitor {
    https_server *server;
    pthread_t thread;
    int fd;
    SSL *ssl;
    char last[1024]; /* path of the last request */
    char source[INET_ADDRSTRLEN];
    bool ended, frozen;
} visitor;

struct https_server {
    SSL_CTX *tls;
    https_options options;
    int fd;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    visitor *visitors[CONNECTIONS_MAX];
    unsigned visitor_count; /* of those there is a thread to join */
    _Atomic bool stopping;
    _Atomic unsigned connections, requests, refused;
};

static void must(bool good, const char *what)
{
    if (!good) {
        perror(what);
        ERR_print_errors_fp(stderr);
        abort();
    }
}

/* ---- certificates ---- */

typedef struct identity {
    EVP_PKEY *key;
    X509 *certificate;
} identity;

static void extension_add(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    must(e != NULL && X509_add_ext(x, e, -1) == 1, "extension");
    X509_EXTENSION_free(e);
}

static void identity_write(const identity *i, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "%s.pem", name);
    FILE *file = fopen(path, "w");
    must(file != NULL && PEM_write_X509(file, i->certificate) == 1, path);
    fclose(file);
    snprintf(path, sizeof(path), "%s.key", name);
    file = fopen(path, "w");
    must(file != NULL && PEM_write_PrivateKey(file, i->key, NULL, NULL, 0, NULL, NULL) == 1, path);
    fclose(file);
}

/* `issuer` NULL: a CA of its own. */
static identity identity_make(const char *name, const identity *issuer, const char *names,
                              long valid_s)
{
    static long serial = 1;
    identity i = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    X509 *x = i.certificate;
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x), valid_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    const identity *by = issuer != NULL ? issuer : &i;
    X509_set_issuer_name(x, X509_get_subject_name(by->certificate));
    X509_set_pubkey(x, i.key);
    if (issuer == NULL) {
        extension_add(x, NID_basic_constraints, "critical,CA:TRUE");
    }
    if (names != NULL) {
        extension_add(x, NID_subject_alt_name, names);
    }
    must(X509_sign(x, by->key, EVP_sha256()) > 0, "sign");
    identity_write(&i, name);
    return i;
}

static void identity_free(identity i)
{
    EVP_PKEY_free(i.key);
    X509_free(i.certificate);
}

void https_make_certificates(void)
{
    const char *good = "DNS:localhost,DNS:peer.test,IP:127.0.0.1";
    identity ca = identity_make("ca", NULL, NULL, 3600);
    identity_free(identity_make("other-ca", NULL, NULL, 3600));
    identity_free(identity_make("good", &ca, good, 3600));
    identity_free(identity_make("named", &ca, "DNS:other.test", 3600));
    identity_free(identity_make("expired", &ca, good, -3600));
    identity_free(identity_make("client", &ca, NULL, 3600));
    identity_free(ca);
}

/* ---- HTTP/2 ---- */

/* One request that is coming in. */
typedef struct incoming {
    char method[8], path[1024], body[4096];
    size_t body_size, body_total;
    char answer[6200];
    size_t answer_size, answer_sent;
} incoming;

static bool wants(const char *path, const char *word)
{
    const char *at = strstr(path, "do=");
    return at != NULL && strcmp(at + 3, word) == 0;
}

static void visit_write(visitor *v, const char *text)
{
    SSL_write(v->ssl, text, (int)strlen(text));
}

static int h2_on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)user;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        incoming *i = kit_calloc(1, sizeof(*i));
        nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, i);
    }
    return 0;
}

static int h2_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                        size_t name_size, const uint8_t *value, size_t size, uint8_t flags,
                        void *user)
{
    (void)flags;
    (void)user;
    incoming *i = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (i != NULL && name_size == 7 && memcmp(name, ":method", 7) == 0) {
        snprintf(i->method, sizeof(i->method), "%.*s", (int)size, (const char *)value);
    } else if (i != NULL && name_size == 5 && memcmp(name, ":path", 5) == 0) {
        snprintf(i->path, sizeof(i->path), "%.*s", (int)size, (const char *)value);
    }
    return 0;
}

static int h2_on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *at,
                      size_t size, void *user)
{
    (void)flags;
    (void)user;
    incoming *i = nghttp2_session_get_stream_user_data(session, stream);
    if (i != NULL) {
        i->body_total += size;
    }
    if (i != NULL && i->body_size + size < sizeof(i->body)) {
        memcpy(i->body + i->body_size, at, size);
        i->body_size += size;
    }
    return 0;
}

static int h2_on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    (void)code;
    (void)user;
    free(nghttp2_session_get_stream_user_data(session, stream));
    return 0;
}

#define NV(name, value, size)                                                                      \
    ((nghttp2_nv){(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), size, \
                  0})

static ssize_t h2_read_answer(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room,
                              uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)user;
    incoming *i = source->ptr;
    size_t size = i->answer_size - i->answer_sent;
    size = size < room ? size : room;
    if (i->answer_size == BIG_SIZE) {
        memset(to, 'x', size);
    } else {
        memcpy(to, i->answer + i->answer_sent, size);
    }
    i->answer_sent += size;
    if (i->answer_sent == i->answer_size) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (wants(i->path, "interim")) {
            const nghttp2_nv trailer = NV("content-type", "text/trailer", 12);
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            nghttp2_submit_trailer(session, stream, &trailer, 1);
        }
    }
    return (ssize_t)size;
}

static void h2_answer(const visitor *v, nghttp2_session *session, int32_t stream, incoming *i)
{
    static _Thread_local char filler[FIELD_SIZE];
    const bool busy = wants(i->path, "busy"), fields = wants(i->path, "fields");
    nghttp2_nv nv[5] = {NV(":status", busy ? "503" : "200", 3),
                        NV("content-type", "application/json; charset=utf-8", 31)};
    size_t count = 2;
    if (busy) {
        nv[count++] = NV("retry-after", "7", 1);
    }
    for (int n = 0; fields && n < 2; n++) {
        memset(filler, 'f', sizeof(filler));
        nv[count++] = NV("x-filler", filler, sizeof(filler));
    }
    if (wants(i->path, "interim")) {
        const nghttp2_nv early = NV(":status", "103", 3);
        nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, stream, NULL, &early, 1, NULL);
    }
    i->answer_size = (size_t)snprintf(i->answer, sizeof(i->answer), "%s %s %.*s", i->method,
                                      i->path, (int)i->body_size, i->body);
    if (wants(i->path, "big")) {
        i->answer_size = BIG_SIZE;
    } else if (wants(i->path, "source")) {
        i->answer_size = (size_t)snprintf(i->answer, sizeof(i->answer), "%s", v->source);
    } else if (wants(i->path, "sni")) {
        const char *name = SSL_get_servername(v->ssl, TLSEXT_NAMETYPE_host_name);
        i->answer_size =
            (size_t)snprintf(i->answer, sizeof(i->answer), "%s", name != NULL ? name : "none");
    } else if (wants(i->path, "count")) {
        i->answer_size = (size_t)snprintf(i->answer, sizeof(i->answer), "%zu", i->body_total);
    }
    const nghttp2_data_provider provider = {.source = {.ptr = i}, .read_callback = h2_read_answer};
    nghttp2_submit_response(session, stream, nv, count, &provider);
}

/* By hand: nghttp2 leaves the answer out when the stream is reset at once. */
static void h2_refuse_late(visitor *v, int32_t stream)
{
    const uint8_t frames[] = {
        0, 0, 1, NGHTTP2_HEADERS,    NGHTTP2_FLAG_END_HEADERS, 0, 0, 0, (uint8_t)stream, 0x88,
        0, 0, 4, NGHTTP2_RST_STREAM, NGHTTP2_FLAG_NONE,        0, 0, 0, (uint8_t)stream, 0,
        0, 0, 7, /* REFUSED_STREAM */
    };
    SSL_write(v->ssl, frames, sizeof(frames));
}

static bool once(https_server *s)
{
    return atomic_fetch_add(&s->refused, 1) == 0;
}

static void h2_request(visitor *v, nghttp2_session *session, int32_t stream, incoming *i)
{
    https_server *s = v->server;
    atomic_fetch_add(&s->requests, 1);
    if (wants(i->path, "silent")) {
        return;
    }
    if (wants(i->path, "refuse-always") || (wants(i->path, "refuse") && once(s))) {
        nghttp2_submit_rst_stream(session, 0, stream, NGHTTP2_REFUSED_STREAM);
    } else if (wants(i->path, "refuse-late")) {
        h2_refuse_late(v, stream);
    } else if (wants(i->path, "reset")) {
        nghttp2_submit_rst_stream(session, 0, stream, NGHTTP2_INTERNAL_ERROR);
    } else if (wants(i->path, "goaway") && once(s)) {
        nghttp2_submit_goaway(session, 0, stream - 2 > 0 ? stream - 2 : 0, NGHTTP2_NO_ERROR, NULL,
                              0);
    } else if (wants(i->path, "garbage")) {
        visit_write(v, "this is not a frame of any kind, is it?");
    } else if (wants(i->path, "drop")) {
        v->ended = true;
    } else if (wants(i->path, "freeze")) {
        v->frozen = true;
    } else {
        h2_answer(v, session, stream, i);
    }
}

static int h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    const bool request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (request && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        incoming *i = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
        h2_request(user, session, frame->hd.stream_id, i);
    }
    return 0;
}

static nghttp2_session *h2_session(visitor *v)
{
    nghttp2_session_callbacks *c;
    nghttp2_option *option;
    nghttp2_session *session;
    nghttp2_session_callbacks_new(&c);
    nghttp2_option_new(&option);
    nghttp2_option_set_max_send_header_block_length(option, 200000);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, h2_on_begin);
    nghttp2_session_callbacks_set_on_header_callback(c, h2_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, h2_on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, h2_on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, h2_on_close);
    must(nghttp2_session_server_new2(&session, c, v, option) == 0, "session");
    nghttp2_session_callbacks_del(c);
    nghttp2_option_del(option);
    const nghttp2_settings_entry limit = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                          v->server->options.streams};
    nghttp2_submit_settings(session, 0, &limit, limit.value > 0 ? 1 : 0);
    return session;
}

static bool h2_send(visitor *v, nghttp2_session *session)
{
    static _Thread_local char out[400000];
    size_t used = 0;
    const uint8_t *at;
    ssize_t size;
    while ((size = nghttp2_session_mem_send(session, &at)) > 0 &&
           used + (size_t)size <= sizeof(out)) {
        memcpy(out + used, at, (size_t)size);
        used += (size_t)size;
    }
    return used == 0 || SSL_write(v->ssl, out, (int)used) > 0;
}

static void streams_free(nghttp2_session *session)
{
    for (int32_t stream = 1; stream < 2000; stream += 2) {
        free(nghttp2_session_get_stream_user_data(session, stream));
    }
}

static void h2_visit(visitor *v)
{
    nghttp2_session *session = h2_session(v);
    static _Thread_local uint8_t in[65536];
    while (!v->ended && !v->frozen && h2_send(v, session)) {
        const int size = SSL_read(v->ssl, in, sizeof(in));
        if (size <= 0 || nghttp2_session_mem_recv(session, in, (size_t)size) < 0) {
            break;
        }
    }
    if (v->frozen) {
        char rest;
        while (recv(v->fd, &rest, 1, MSG_PEEK) > 0 && !atomic_load(&v->server->stopping)) {
            usleep(5000);
        }
    }
    streams_free(session);
    nghttp2_session_del(session);
}

/* ---- HTTP/1.1 ---- */

static void h1_answer(visitor *v, const char *method, const char *path, const char *body)
{
    char answer[8192];
    if (wants(path, "busy")) {
        visit_write(v, "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    } else if (wants(path, "chunked")) {
        visit_write(v, "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Enco");
        visit_write(v, "ding: chunked\r\nContent-Type: text/plain\r\n\r\n5\r\nhel");
        visit_write(v, "lo\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n");
    } else if (wants(path, "both")) {
        visit_write(v,
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n");
    } else if (wants(path, "more")) {
        visit_write(v, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
    } else if (wants(path, "half")) {
        visit_write(v, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    } else if (wants(path, "late")) {
        visit_write(v, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    } else if (wants(path, "garbage")) {
        visit_write(v, "SSH-2.0-OpenSSH_9.2\r\n");
    } else if (wants(path, "big")) {
        visit_write(v, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxx");
        memset(answer, 'x', sizeof(answer));
        SSL_write(v->ssl, answer, sizeof(answer));
    } else if (wants(path, "fields")) {
        visit_write(v, "HTTP/1.1 200 OK\r\nX-Filler: ");
        memset(answer, 'f', sizeof(answer));
        for (int i = 0; i < 10; i++) {
            SSL_write(v->ssl, answer, sizeof(answer));
        }
        visit_write(v, "\r\nContent-Length: 0\r\n\r\n");
    } else if (wants(path, "close") || wants(path, "cut")) {
        visit_write(v, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end");
        v->ended = true;
    } else {
        const int size = snprintf(answer, sizeof(answer), "%s %s %s", method, path, body);
        char head[160];
        snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                 size);
        visit_write(v, head);
        SSL_write(v->ssl, answer, size);
    }
}

/* One request; its body is as long as Content-Length says. */
static bool h1_read(visitor *v, char *in, size_t room)
{
    size_t used = 0;
    for (;;) {
        const int size = SSL_read(v->ssl, in + used, (int)(room - used - 1));
        if (size <= 0) {
            return false;
        }
        used += (size_t)size;
        in[used] = '\0';
        const char *end = strstr(in, "\r\n\r\n"), *length = strstr(in, "Content-Length: ");
        if (end != NULL &&
            strlen(end + 4) >= (length != NULL ? strtoul(length + 16, NULL, 10) : 0)) {
            return true;
        }
    }
}

static void h1_visit(visitor *v)
{
    char in[8192], method[8], path[1024];
    while (!v->ended && h1_read(v, in, sizeof(in)) && sscanf(in, "%7s %1023s", method, path) == 2) {
        atomic_fetch_add(&v->server->requests, 1);
        snprintf(v->last, sizeof(v->last), "%s", path);
        if (wants(path, "drop")) {
            v->ended = true;
        } else if (!wants(path, "silent")) {
            h1_answer(v, method, path, strstr(in, "\r\n\r\n") + 4);
        }
    }
}

/* ---- the server ---- */

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
            h1_visit(v);
        } else {
            h2_visit(v);
        }
        if (!wants(v->last, "cut")) {
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
        must(s->visitor_count < CONNECTIONS_MAX, "too many connections");
        s->visitors[s->visitor_count++] = v;
        atomic_fetch_add(&s->connections, 1); /* before anybody can have an answer of it */
        must(pthread_create(&v->thread, NULL, visit, v) == 0, "thread");
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
    must(SSL_CTX_use_certificate_chain_file(s->tls, path) == 1, path);
    snprintf(path, sizeof(path), "%s.key", options->name);
    must(SSL_CTX_use_PrivateKey_file(s->tls, path, SSL_FILETYPE_PEM) == 1, path);
    SSL_CTX_set_max_proto_version(s->tls, options->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_alpn_select_cb(s->tls, on_alpn, s);
    if (options->client_wanted) {
        must(SSL_CTX_load_verify_file(s->tls, "ca.pem") == 1, "ca.pem");
        SSL_CTX_set_verify(s->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(options->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(at);
    const int on = 1;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    must(bind(s->fd, (const struct sockaddr *)&at, size) == 0 && listen(s->fd, 64) == 0, "listen");
    getsockname(s->fd, (struct sockaddr *)&at, &size);
    s->port = ntohs(at.sin_port);
    pthread_mutex_init(&s->lock, NULL);
    must(pthread_create(&s->thread, NULL, serve, s) == 0, "thread");
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
