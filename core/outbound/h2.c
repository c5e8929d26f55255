/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 (RFC 9113) on a wire, by nghttp2. Nothing in its callbacks may end the session or the
 * wire: they only note what happened. */
#include "outbound/wire.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>

#define STREAMS_MAX 1000 /* on one connection, when the server sets no limit */
/* HTTP/2's own 64 KiB would have a larger answer, and all answers together, wait a round trip. */
#define STREAM_WINDOW  (1 << 20)
#define SESSION_WINDOW (16 << 20)
#define FILL_MAX       ((size_t)256 * 1024) /* octets written at once */

/* ---- reading ---- */

static outbound_call *call_of(nghttp2_session *session, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(session, stream);
}

/* The stream goes on without a call, or not at all. */
static void let_go(nghttp2_session *session, outbound_call *c, bool reset)
{
    /* First: what still comes for the stream must not find the call, which is soon freed. */
    nghttp2_session_set_stream_user_data(session, c->stream, NULL);
    if (reset) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, c->stream, NGHTTP2_CANCEL);
    }
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)user;
    outbound_call *c = call_of(session, frame->hd.stream_id);
    if (c != NULL) {
        c->block_status = 0;
    }
    return 0;
}

static bool is(const uint8_t *name, size_t size, const char *literal, size_t literal_size)
{
    return size == literal_size && memcmp(name, literal, size) == 0;
}

static void take_field(outbound_call *c, const uint8_t *name, size_t name_size, cmp_str value)
{
    if (is(name, name_size, H2O_STRLIT(":status")) && value.size == 3) {
        /* nghttp2 has seen to it that these are digits. */
        const char *at = value.at;
        c->block_status = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
        c->status = c->block_status >= 200 ? c->block_status : c->status;
    } else if (c->block_status < 200) {
        return; /* an interim answer or a trailer */
    } else if (is(name, name_size, H2O_STRLIT("content-type"))) {
        call_answer_type(c, value);
    } else if (is(name, name_size, H2O_STRLIT("retry-after"))) {
        call_answer_retry_after(c, value);
    }
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user)
{
    (void)flags;
    (void)user;
    outbound_call *c = call_of(session, frame->hd.stream_id);
    if (c == NULL) {
        return 0;
    }
    c->head_octets += name_size + value_size + 32; /* as HPACK counts them (RFC 7541, 4.1) */
    if (c->head_octets > ANSWER_HEAD_MAX) {
        let_go(session, c, true);
        call_finish(c, CMP_HTTPS_BAD_ANSWER, "the answer's header fields are too large");
        return 0;
    }
    take_field(c, name, name_size, (cmp_str){(const char *)value, value_size});
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *at,
                   size_t size, void *user)
{
    (void)flags;
    wire *w = user;
    outbound_call *c = call_of(session, stream);
    if (c != NULL && !call_answer_add(c, at, size)) {
        let_go(session, c, true);
        lane_count_answer(w->lane);
        call_finish(c, CMP_HTTPS_BAD_ANSWER, "the answer's body is too large");
    }
    return 0;
}

static void on_stream_end(wire *w, int32_t stream)
{
    outbound_call *c = call_of(w->h2, stream);
    if (c != NULL) {
        /* A server may answer before it has read the whole request (RFC 9113, 8.1): the rest is not
         * sent. */
        let_go(w->h2, c, c->body_sent < c->body.size);
        lane_count_answer(w->lane);
        call_finish(c, CMP_HTTPS_ANSWERED, NULL);
    }
}

/* Calls beyond `keep` that nghttp2 still has in its queue are better off elsewhere: here they would
 * wait for others to end, or never go. The newest first, so that they wait in their order. */
static void recall_unsent(wire *w, unsigned keep, const char *detail)
{
    outbound_call *c = TAILQ_LAST(&w->calls, call_list), *before;
    for (; c != NULL && !c->sent && w->call_count > keep; c = before) {
        before = TAILQ_PREV(c, call_list, entry);
        let_go(w->h2, c, true);
        call_unprocessed(c, detail);
    }
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    wire *w = user;
    const uint8_t flags = frame->hd.flags;
    outbound_call *c;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        if ((flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            on_stream_end(w, frame->hd.stream_id);
        }
        break;
    case NGHTTP2_SETTINGS:
        if ((flags & NGHTTP2_FLAG_ACK) == 0 && w->state == WIRE_GREETING) {
            wire_ready(w);
        }
        recall_unsent(w, h2_stream_limit(w), "the server lowered its limit of streams");
        break;
    case NGHTTP2_PING:
        w->pinging &= (flags & NGHTTP2_FLAG_ACK) == 0;
        break;
    case NGHTTP2_RST_STREAM:
        if ((c = call_of(session, frame->hd.stream_id)) != NULL) {
            c->refused = true;
        }
        break;
    case NGHTTP2_GOAWAY:
        w->draining = true;
        recall_unsent(w, 0, "the server ends the connection");
        lane_wake(w->lane);
        break;
    default:
        break;
    }
    return 0;
}

/* A stream that still has its call has ended without an answer. nghttp2 closes those that a GOAWAY
 * leaves out, and those that it could not open, as refused, too. */
static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    (void)user;
    outbound_call *c = call_of(session, stream);
    if (c == NULL) {
        return 0;
    }
    nghttp2_session_set_stream_user_data(session, stream, NULL);
    if (!c->sent) {
        call_unprocessed(c, c->detail != NULL ? c->detail : "the stream could not be opened");
    } else if (code == NGHTTP2_REFUSED_STREAM && c->status == 0) {
        call_unprocessed(c, "the server refused the stream");
    } else if (c->refused) {
        call_finish(c, CMP_HTTPS_BAD_ANSWER, nghttp2_http2_strerror(code));
    } else {
        call_finish(c, CMP_HTTPS_BAD_ANSWER, "the answer is not good HTTP");
    }
    return 0;
}

bool h2_input(wire *w)
{
    h2o_buffer_t **input = &w->socket->input;
    const ssize_t used =
        nghttp2_session_mem_recv(w->h2, (const uint8_t *)(*input)->bytes, (*input)->size);
    /* All of it: nghttp2 has no use for a part, it takes everything or fails. */
    h2o_buffer_consume(input, (*input)->size);
    if (used < 0) {
        if (w->state != WIRE_READY) {
            wire_connect_failed(w, nghttp2_strerror((int)used));
        } else {
            wire_lost(w, CMP_HTTPS_BAD_ANSWER, nghttp2_strerror((int)used), true);
        }
        return false;
    }
    if (nghttp2_session_want_write(w->h2) || !nghttp2_session_want_read(w->h2) || w->draining) {
        wire_want_flush(w);
    }
    return true;
}

/* ---- writing ---- */

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    wire *w = user;
    if (frame->hd.type == NGHTTP2_HEADERS) {
        outbound_call *c = call_of(session, frame->hd.stream_id);
        if (c != NULL) {
            c->sent = true;
            c->reads = w->reads;
        }
    } else if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
        w->garbage = true; /* nghttp2 says that the server broke the protocol */
    }
    return 0;
}

/* nghttp2 closes the stream of HEADERS that cannot be sent right after this, and the call ends
 * there: here is only the reason. */
static int on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error,
                             void *user)
{
    (void)user;
    outbound_call *c =
        frame->hd.type == NGHTTP2_HEADERS ? call_of(session, frame->hd.stream_id) : NULL;
    if (c != NULL) {
        c->detail = nghttp2_strerror(error);
    }
    return 0;
}

static ssize_t on_read_body(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room,
                            uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)source;
    (void)user;
    outbound_call *c = call_of(session, stream);
    if (c == NULL) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* timed out: no more of it */
    }
    const size_t left = c->body.size - c->body_sent;
    const size_t size = left < room ? left : room;
    if (size > 0) {
        memcpy(to, c->body.at + c->body_sent, size);
        c->body_sent += size;
    }
    if (c->body_sent == c->body.size) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)size;
}

typedef struct fields {
    /* Four pseudo header fields; accept, authorization, and the content's type and length. */
    nghttp2_nv at[8 + CMP_HTTPS_HEADERS_MAX];
    size_t count;
} fields;

static void fields_add(fields *f, const char *name, size_t name_size, cmp_str value, uint8_t flags)
{
    if (value.at != NULL) {
        f->at[f->count++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                                         .value = (uint8_t *)(uintptr_t)value.at,
                                         .namelen = name_size,
                                         .valuelen = value.size,
                                         .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | flags};
    }
}

void h2_take(wire *w, outbound_call *c)
{
    const origin *o = w->lane->origin;
    const bool body = c->content_type.at != NULL;
    char length[24];
    const int length_size = snprintf(length, sizeof(length), "%zu", c->body.size);
    const nghttp2_data_provider provider = {.read_callback = on_read_body};
    fields f = {.count = 0};
    fields_add(&f, H2O_STRLIT(":method"), c->method, 0);
    fields_add(&f, H2O_STRLIT(":scheme"), CMP_STR("https"), 0);
    fields_add(&f, H2O_STRLIT(":authority"), cmp_str_from(o->authority), 0);
    fields_add(&f, H2O_STRLIT(":path"), c->path, 0);
    fields_add(&f, H2O_STRLIT("accept"), c->accept, 0);
    /* Never indexed: a compressed secret can be guessed bit by bit (RFC 7541, 7.1.3). */
    fields_add(&f, H2O_STRLIT("authorization"), c->authorization, NGHTTP2_NV_FLAG_NO_INDEX);
    for (size_t i = 0; i < c->header_count; i++) {
        fields_add(&f, c->headers[i].name.at, c->headers[i].name.size, c->headers[i].value,
                   NGHTTP2_NV_FLAG_NO_INDEX); /* a plugin's: they may be secrets */
    }
    fields_add(&f, H2O_STRLIT("content-type"), c->content_type, 0);
    fields_add(&f, H2O_STRLIT("content-length"),
               body ? (cmp_str){length, (size_t)length_size} : CMP_NONE, 0);
    const int32_t stream =
        nghttp2_submit_request(w->h2, NULL, f.at, f.count, body ? &provider : NULL, c);
    if (stream < 0) {
        w->draining = true; /* its stream ids are used up */
        call_unprocessed(c, nghttp2_strerror(stream));
    } else {
        c->stream = stream;
    }
    wire_want_flush(w);
}

void h2_fill(wire *w)
{
    outbound *o = w->lane->owner;
    const uint8_t *at;
    ssize_t size;
    while (o->scratch_size < FILL_MAX && (size = nghttp2_session_mem_send(w->h2, &at)) > 0) {
        scratch_add(o, at, (size_t)size);
    }
}

void h2_forget(wire *w, outbound_call *c)
{
    let_go(w->h2, c, true);
    wire_want_flush(w);
}

void h2_ping(wire *w)
{
    if (!w->pinging) {
        w->pinging = true;
        nghttp2_submit_ping(w->h2, NGHTTP2_FLAG_NONE, NULL);
        wire_want_flush(w);
    }
}

/* ---- the session ---- */

bool h2_ended(const wire *w)
{
    return !nghttp2_session_want_read(w->h2) && !nghttp2_session_want_write(w->h2);
}

unsigned h2_stream_limit(const wire *w)
{
    const uint32_t limit =
        nghttp2_session_get_remote_settings(w->h2, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return limit < STREAMS_MAX ? limit : STREAMS_MAX;
}

void h2_start(wire *w)
{
    const nghttp2_settings_entry settings[] = {
        /* Nobody here would know what to do with an answer to no question. */
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, ANSWER_HEAD_MAX},
    };
    if (nghttp2_session_client_new(&w->h2, w->lane->owner->h2_callbacks, w) != 0) {
        abort(); /* only for want of memory */
    }
    nghttp2_submit_settings(w->h2, NGHTTP2_FLAG_NONE, settings, 3);
    nghttp2_session_set_local_window_size(w->h2, NGHTTP2_FLAG_NONE, 0, SESSION_WINDOW);
    wire_want_flush(w);
}

void *h2_callbacks_create(void)
{
    nghttp2_session_callbacks *c;
    if (nghttp2_session_callbacks_new(&c) != 0) {
        abort();
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_frame_not_sent);
    return c;
}

void h2_callbacks_destroy(void *callbacks)
{
    nghttp2_session_callbacks_del(callbacks);
}
