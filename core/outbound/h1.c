/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 (RFC 9112) on a wire: one call at a time, the connection kept when both sides can. */
#include "outbound/wire.h"

#include <stdio.h>

static void add(outbound *o, cmp_str text)
{
    scratch_add(o, text.at, text.size);
}

static void add_field(outbound *o, cmp_str name, cmp_str value)
{
    if (value.at != NULL) {
        add(o, name);
        add(o, CMP_STR(": "));
        add(o, value);
        add(o, CMP_STR("\r\n"));
    }
}

void h1_take(wire *w, outbound_call *c)
{
    outbound *o = w->lane->owner;
    const bool body = c->content_type.at != NULL;
    char length[24];
    const int length_size = snprintf(length, sizeof(length), "%zu", c->body.size);
    o->scratch_size = 0;
    add(o, c->method);
    add(o, CMP_STR(" "));
    add(o, c->path);
    add(o, CMP_STR(" HTTP/1.1\r\n"));
    add_field(o, CMP_STR("Host"), cmp_str_from(w->lane->origin->authority));
    add_field(o, CMP_STR("Accept"), c->accept);
    add_field(o, CMP_STR("Authorization"), c->authorization);
    for (size_t i = 0; i < c->header_count; i++) {
        add_field(o, c->headers[i].name, c->headers[i].value);
    }
    add_field(o, CMP_STR("Content-Type"), c->content_type);
    add_field(o, CMP_STR("Content-Length"),
              body ? (cmp_str){length, (size_t)length_size} : CMP_NONE);
    add(o, CMP_STR("\r\n"));
    add(o, c->body);
    c->sent = true;
    w->part = H1_PART_HEAD;
    w->scanned = 0;
    /* Head and body in one: one TLS record, and one system call. */
    h2o_iovec_t part = h2o_iovec_init(o->scratch, o->scratch_size);
    wire_write(w, &part, 1);
}

/* ---- reading: each part answers whether the call has ended, one way or another ---- */

/* The framing is lost, or the server broke a rule: the connection cannot be used any more. */
static void bad_answer(wire *w, const char *detail, bool failure)
{
    w->draining = true;
    if (failure) {
        lane_count_failure(w->lane, detail);
    }
    call_finish(TAILQ_FIRST(&w->calls), CMP_HTTPS_BAD_ANSWER, detail);
}

static void answered(wire *w)
{
    w->draining |= !w->keep;
    lane_count_answer(w->lane);
    call_finish(TAILQ_FIRST(&w->calls), CMP_HTTPS_ANSWERED, NULL);
}

static void too_large(wire *w)
{
    /* The server works: an answer that is too much for us does not open its circuit. */
    lane_count_answer(w->lane);
    bad_answer(w, "the answer's body is too large", false);
}

static bool add_body(wire *w, cmp_str data)
{
    if (call_answer_add(TAILQ_FIRST(&w->calls), data.at, data.size)) {
        return true;
    }
    too_large(w);
    return false;
}

/* False when it would be too much. */
static bool begin_body(wire *w, const h1_head *head)
{
    outbound_call *c = TAILQ_FIRST(&w->calls);
    c->status = head->status;
    if (head->content_type.at != NULL) {
        call_answer_type(c, head->content_type);
    }
    if (head->retry_after.at != NULL) {
        call_answer_retry_after(c, head->retry_after);
    }
    w->keep = head->keep;
    w->left = 0;
    /* RFC 9112, 6.3, in its order: no body whatever the fields say, then chunks, then a length,
     * then all until the close. HEAD and CONNECT, which have rules of their own, are never sent. */
    if (head->status == 204 || head->status == 304) {
        w->part = H1_PART_LENGTH;
    } else if (head->chunked) {
        w->part = H1_PART_CHUNKED;
        w->chunks = (h1_chunks){0};
    } else if (head->has_length) {
        w->part = H1_PART_LENGTH;
        w->left = head->length;
    } else {
        w->part = H1_PART_UNTIL_CLOSE;
        w->keep = false;
    }
    if (w->left > c->answer_max) {
        too_large(w);
        return false;
    }
    return true;
}

/* Reads one head; interim answers are passed over. False: the call has ended or more is needed. */
static bool read_head(wire *w, cmp_str in, size_t *used)
{
    h1_head head;
    switch (h1_read_head(in, &w->scanned, used, &head)) {
    case H1_MORE:
        *used = 0;
        if (in.size > ANSWER_HEAD_MAX) {
            bad_answer(w, "the answer's header fields are too large", true);
        }
        return false;
    case H1_BAD:
        bad_answer(w, "the answer is not good HTTP", true);
        return false;
    default:
        break;
    }
    w->scanned = 0;
    if (*used > ANSWER_HEAD_MAX) {
        bad_answer(w, "the answer's header fields are too large", true);
        return false;
    }
    if (head.status >= 200) {
        return begin_body(w, &head);
    }
    /* Nobody asked for an upgrade: what follows is no HTTP. */
    if (head.status == 101) {
        bad_answer(w, "the server changed the protocol", true);
        return false;
    }
    return true;
}

static bool read_length(wire *w, cmp_str in, size_t *used)
{
    *used = in.size < w->left ? in.size : (size_t)w->left;
    w->left -= *used;
    if (!add_body(w, (cmp_str){in.at, *used})) {
        return false;
    }
    if (w->left == 0) {
        answered(w);
        return false;
    }
    return *used > 0;
}

static bool read_chunked(wire *w, cmp_str in, size_t *used)
{
    cmp_str data;
    const h1_progress progress = h1_read_chunked(&w->chunks, in, used, &data);
    if (progress == H1_BAD) {
        bad_answer(w, "the answer's chunks are not good HTTP", true);
        return false;
    }
    if (!add_body(w, data)) {
        return false;
    }
    if (progress == H1_DONE) {
        answered(w);
        return false;
    }
    return *used > 0;
}

static bool read_part(wire *w, cmp_str in, size_t *used)
{
    switch (w->part) {
    case H1_PART_HEAD:
        return read_head(w, in, used);
    case H1_PART_LENGTH:
        return read_length(w, in, used);
    case H1_PART_CHUNKED:
        return read_chunked(w, in, used);
    default:
        *used = in.size;
        return add_body(w, in) && in.size > 0;
    }
}

bool h1_input(wire *w)
{
    h2o_buffer_t **input = &w->socket->input;
    size_t at = 0, used;
    bool more = w->call_count > 0;
    while (more) {
        used = 0;
        more = read_part(w, (cmp_str){(*input)->bytes + at, (*input)->size - at}, &used);
        at += used;
    }
    h2o_buffer_consume(input, at);
    if (w->call_count == 0 && ((*input)->size > 0 || w->draining)) {
        /* Octets that nobody asked for: whose answer would they be? */
        wire_lost(w, CMP_HTTPS_BROKEN, NULL, false);
        return false;
    }
    return true;
}

bool h1_end(wire *w)
{
    /* Without the TLS close it may have been cut short by anybody. */
    if (w->call_count == 0 || w->part != H1_PART_UNTIL_CLOSE || !w->peer_closed) {
        return false;
    }
    answered(w);
    wire_lost(w, CMP_HTTPS_BROKEN, NULL, false);
    return true;
}
