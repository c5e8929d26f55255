/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/2 of https_server.h, by nghttp2. */
#include "https_visitor.h"

#include <cmp-kit/memory.h>

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG_SIZE   ((size_t)100000)
#define FIELD_SIZE ((size_t)40000)

/* One request that is coming in. */
typedef struct incoming {
    char method[8], path[1024], body[4096];
    size_t body_size, body_total;
    char answer[6200];
    size_t answer_size, answer_sent;
} incoming;

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
        if (https_wants(i->path, "interim")) {
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
    const bool busy = https_wants(i->path, "busy"), fields = https_wants(i->path, "fields");
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
    if (https_wants(i->path, "interim")) {
        const nghttp2_nv early = NV(":status", "103", 3);
        nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, stream, NULL, &early, 1, NULL);
    }
    i->answer_size = (size_t)snprintf(i->answer, sizeof(i->answer), "%s %s %.*s", i->method,
                                      i->path, (int)i->body_size, i->body);
    if (https_wants(i->path, "big")) {
        i->answer_size = BIG_SIZE;
    } else if (https_wants(i->path, "source")) {
        i->answer_size = (size_t)snprintf(i->answer, sizeof(i->answer), "%s", v->source);
    } else if (https_wants(i->path, "sni")) {
        const char *name = SSL_get_servername(v->ssl, TLSEXT_NAMETYPE_host_name);
        i->answer_size =
            (size_t)snprintf(i->answer, sizeof(i->answer), "%s", name != NULL ? name : "none");
    } else if (https_wants(i->path, "count")) {
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
    if (https_wants(i->path, "silent")) {
        return;
    }
    if (https_wants(i->path, "refuse-always") || (https_wants(i->path, "refuse") && once(s))) {
        nghttp2_submit_rst_stream(session, 0, stream, NGHTTP2_REFUSED_STREAM);
    } else if (https_wants(i->path, "refuse-late")) {
        h2_refuse_late(v, stream);
    } else if (https_wants(i->path, "reset")) {
        nghttp2_submit_rst_stream(session, 0, stream, NGHTTP2_INTERNAL_ERROR);
    } else if (https_wants(i->path, "goaway") && once(s)) {
        nghttp2_submit_goaway(session, 0, stream - 2 > 0 ? stream - 2 : 0, NGHTTP2_NO_ERROR, NULL,
                              0);
    } else if (https_wants(i->path, "garbage")) {
        https_write(v, "this is not a frame of any kind, is it?");
    } else if (https_wants(i->path, "drop")) {
        v->ended = true;
    } else if (https_wants(i->path, "freeze")) {
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
    https_must(nghttp2_session_server_new2(&session, c, v, option) == 0, "session");
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

void https_visit_h2(visitor *v)
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
