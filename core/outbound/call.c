/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: one request from outbound_start to `done`, its deadline and its answer. */
#include "outbound/wire.h"

#include "base/field.h"
#include "base/log_limit.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <stdlib.h>

static log_limit ended_twice = {
    .level = CMP_LOG_ERROR,
    .area = "outbound",
    .what = "calls that were ended twice",
    .name = "origin",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

static char *octets_put(char *at, cmp_str from, cmp_str *to)
{
    if (from.at == NULL) {
        *to = CMP_NONE;
        return at;
    }
    *to = (cmp_str){at, from.size};
    return from.size != 0 ? (char *)mempcpy(at, from.at, from.size) : at;
}

static size_t octets_of(const origin *to, const cmp_https_request *r)
{
    size_t size = strlen(r->method) + strlen(to->path) + r->path.size + r->content_type.size +
                  r->body.size + r->accept.size + r->authorization.size;
    for (size_t i = 0; i < r->header_count; i++) {
        size += r->headers[i].name.size + r->headers[i].value.size;
    }
    return size;
}

/* One block with all its text: the caller's strings end with outbound_start, and the call may
 * wait. */
static outbound_call *call_create(const origin *to, const cmp_https_request *r)
{
    outbound_call *c = kit_alloc(sizeof(*c) + octets_of(to, r));
    memset(c, 0, sizeof(*c));
    cmp_str more;
    char *at = octets_put(c->octets, cmp_str_from(r->method), &c->method);
    at = octets_put(at, cmp_str_from(to->path), &c->path);
    at = octets_put(at, r->path, &more);
    c->path.size += more.size;
    at = octets_put(at, r->content_type, &c->content_type);
    at = octets_put(at, c->content_type.at != NULL ? r->body : CMP_NONE, &c->body);
    at = octets_put(at, r->accept, &c->accept);
    at = octets_put(at, r->authorization, &c->authorization);
    c->header_count =
        r->header_count < CMP_HTTPS_HEADERS_MAX ? r->header_count : CMP_HTTPS_HEADERS_MAX;
    for (size_t i = 0; i < c->header_count; i++) {
        at = octets_put(at, r->headers[i].name, &c->headers[i].name);
        at = octets_put(at, r->headers[i].value, &c->headers[i].value);
    }
    c->answer_max = r->answer_max;
    c->answer = c->answer_first;
    c->answer_room = sizeof(c->answer_first);
    return c;
}

static void call_free(outbound_call *c)
{
    if (c->answer != c->answer_first) {
        free(c->answer);
    }
    free(c);
}

static void on_deadline(void *arg)
{
    outbound_call *c = arg;
    c->timer = NULL;
    if (c->state == CALL_ON_WIRE) {
        wire_call_timed_out(c->wire, c);
    } else {
        call_finish(c, CMP_HTTPS_TIMEOUT, "no connection was free in time");
    }
}

/* Half of the time, so that a ping sent now has its answer by the deadline: then it is known
 * whether the connection or only this answer is late. */
static void on_half(void *arg)
{
    outbound_call *c = arg;
    const uint64_t now = clock_monotonic_ms();
    const uint64_t rest = c->deadline_ms > now ? c->deadline_ms - now : 0;
    c->timer = loop_timer_start(c->owner->loop, rest, on_deadline, c);
    if (c->state == CALL_ON_WIRE) {
        wire_call_late(c->wire, c);
    }
}

outbound_call *outbound_start(outbound *o, origin *to, const cmp_https_request *request,
                              void (*done)(void *arg, const cmp_https_answer *answer), void *arg)
{
    outbound_call *c = call_create(to, request);
    c->owner = o;
    c->done = done;
    c->arg = arg;
    c->of = running_as(RUNNING_HTTPS);
    if (!breaker_closed(&to->breaker)) {
        uint64_t delay_ms;
        if (breaker_adopt(&to->breaker, o, &delay_ms)) {
            probe_schedule(lane_get(o, to), delay_ms);
        }
        /* No lane: it never waits. `done` follows at the end of the turn all the same, so that no
         * caller is called back before it has the call in its hands. */
        call_finish(c, CMP_HTTPS_NOT_SENT, "not used for now, after failures");
        return c;
    }
    c->deadline_ms = clock_monotonic_ms() + request->timeout_ms;
    c->timer = loop_timer_start(o->loop, request->timeout_ms / 2, on_half, c);
    lane *l = lane_get(o, to);
    c->lane = l;
    l->call_count++;
    c->state = CALL_WAITING;
    TAILQ_INSERT_TAIL(&l->waiting, c, entry);
    l->waiting_count++;
    lane_wake(l);
    return c;
}

outbound_call *outbound_refuse(outbound *o, const char *detail,
                               void (*done)(void *arg, const cmp_https_answer *answer), void *arg)
{
    outbound_call *c = kit_calloc(1, sizeof(*c));
    c->answer = c->answer_first;
    c->owner = o;
    c->done = done;
    c->arg = arg;
    c->of = running_as(RUNNING_HTTPS);
    call_finish(c, CMP_HTTPS_NOT_SENT, detail);
    return c;
}

void outbound_avoid_old(outbound_call *c)
{
    if (c->lane != NULL) {
        c->newer_than = c->lane->last_wire_id;
    }
}

void call_put_on(outbound_call *c, wire *w)
{
    TAILQ_REMOVE(&c->lane->waiting, c, entry);
    c->lane->waiting_count--;
    c->state = CALL_ON_WIRE;
    wire_take(w, c);
}

static void leave(outbound_call *c)
{
    if (c->state == CALL_WAITING) {
        TAILQ_REMOVE(&c->lane->waiting, c, entry);
        c->lane->waiting_count--;
    } else if (c->state == CALL_ON_WIRE) {
        wire_release(c->wire, c);
    }
}

/* A library may tell of one event by two callbacks, and each of them may be the place where a call
 * ends. */
static bool is_over(const outbound_call *c, const char *detail)
{
    if (c->state != CALL_FINISHED) {
        return false;
    }
    const char *name = c->lane != NULL ? c->lane->origin->name : "";
    log_limited(&ended_twice, cmp_str_from(name), NULL, NULL, 0,
                "a call to %s was ended twice (%s, then %s); ignored", name,
                c->detail != NULL ? c->detail : "answered", detail != NULL ? detail : "answered");
    return true;
}

void call_finish(outbound_call *c, cmp_https_result result, const char *detail)
{
    if (is_over(c, detail)) {
        return;
    }
    leave(c);
    c->state = CALL_FINISHED;
    c->result = result;
    c->detail = detail;
    if (c->timer != NULL) {
        loop_timer_stop(c->timer);
        c->timer = NULL;
    }
    if (c->lane != NULL) {
        c->lane->call_count--;
        lane_wake(c->lane);
    }
    /* Freed at the end of the turn only: nghttp2, or whoever is on the stack, may still point to
     * it. */
    TAILQ_INSERT_TAIL(&c->owner->finished, c, entry);
    c->owner->finished_count++;
    outbound_wake(c->owner);
}

void call_unprocessed(outbound_call *c, const char *detail)
{
    if (is_over(c, detail)) {
        return;
    }
    if (c->done == NULL || c->retried || !breaker_closed(&c->lane->origin->breaker)) {
        call_finish(c, CMP_HTTPS_NOT_SENT, detail);
        return;
    }
    /* An id, since the wire may be freed, and another be made at its address. */
    c->avoid = c->wire->id;
    leave(c);
    c->retried = true;
    c->detail = NULL;
    c->sent = c->refused = c->pinged = false;
    c->stream = 0;
    c->head_octets = c->body_sent = c->answer_size = 0;
    c->state = CALL_WAITING;
    /* It has waited once. */
    TAILQ_INSERT_HEAD(&c->lane->waiting, c, entry);
    c->lane->waiting_count++;
    lane_wake(c->lane);
}

void call_deliver(outbound_call *c)
{
    TAILQ_REMOVE(&c->owner->finished, c, entry);
    c->owner->finished_count--;
    const bool answered = c->result == CMP_HTTPS_ANSWERED;
    const cmp_https_answer answer = {
        .result = c->result,
        .detail = c->detail,
        .status = c->status,
        .content_type = answered && c->answer_type_size > 0
                            ? (cmp_str){c->answer_type, c->answer_type_size}
                            : CMP_NONE,
        .retry_after_s = c->retry_after_s,
        .body = answered ? (cmp_str){c->answer, c->answer_size} : CMP_NONE,
    };
    if (c->done != NULL) {
        const uintptr_t before = running_enter(c->of);
        c->done(c->arg, &answer);
        running_leave(before);
    }
    call_free(c);
}

void outbound_cancel(outbound_call *c)
{
    /* What is on a wire stays there until its end. A reset for every client that goes away would
     * make of its rapid reset ours, against the peer. */
    c->done = NULL;
    if (c->state == CALL_WAITING) {
        call_finish(c, CMP_HTTPS_NOT_SENT, NULL);
    }
}

void call_answer_type(outbound_call *c, cmp_str value)
{
    const cmp_str type = field_media_type(value);
    if (type.size <= sizeof(c->answer_type)) {
        memcpy(c->answer_type, type.at, type.size);
        c->answer_type_size = type.size;
    }
}

void call_answer_retry_after(outbound_call *c, cmp_str value)
{
    int64_t seconds;
    /* A date is good as well (RFC 9110, 10.2.3), but would trust the server's clock: like none. */
    c->retry_after_s = kit_number_parse(value, 0, UINT32_MAX, &seconds) ? (unsigned)seconds : 0;
}

bool call_answer_add(outbound_call *c, const void *at, size_t size)
{
    if (c->done == NULL) {
        return true; /* nobody wants it */
    }
    if (size > c->answer_max || c->answer_size > c->answer_max - size) {
        return false;
    }
    const size_t needed = c->answer_size + size;
    if (needed > c->answer_room) {
        /* Doubled, but never beyond what an answer may have. */
        const size_t room = needed < c->answer_max / 2 ? needed * 2 : c->answer_max;
        const bool first = c->answer == c->answer_first;
        c->answer = kit_realloc(first ? NULL : c->answer, room);
        if (first) {
            memcpy(c->answer, c->answer_first, c->answer_size);
        }
        c->answer_room = room;
    }
    memcpy(c->answer + c->answer_size, at, size);
    c->answer_size = needed;
    return true;
}
