/* SPDX-License-Identifier: Apache-2.0 */
/* See metered.h. libh2o keeps the callback that reads in a public place, so that another can stand
 * before it; the octets it has not used yet lie in the socket's input. */
#include "http/metered.h"

#include "base/clock.h"
#include "base/log_limit.h"
#include "base/log_source.h"
#include "http/connection.h"
#include "http/h2_list.h"
#include "http/hpack.h"
#include "http/linger.h"
#include "http/meter.h"
#include "http/sweep.h"
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <h2o/http2.h>
#include <stdlib.h>
#include <sys/socket.h>

#define INPUT_MAX                                                                                  \
    (9 + 16384) /* libh2o leaves an unfinished frame at most, while it still reads                 \
                 */

struct metered {
    connection *c;
    h2o_socket_cb h2o_read; /* libh2o's own */
    meter meter;
    uint64_t written; /* octets, as far as the meter knows */
    bool *gone;       /* set when the socket closes */
    bool ended;       /* nothing more is read */
    int keeps;        /* then: a descriptor for linger.h, or -1 */
    bool watched;     /* it is in the worker's list */
    metered *next, **previous;
};

static log_limit ended = {
    .level = CMP_LOG_NOTICE,
    .area = "http",
    .what = "connections that were ended for abuse",
    .each = LOG_EACH_MINUTE,
    .all = LOG_ALL_TOGETHER,
};

static unsigned count_ended[METER_VERDICTS], count_resets, count_our_resets, count_cut;

void metered_setup(void)
{
    static const char *const names[METER_VERDICTS] = {NULL,           "ended_frames",
                                                      "ended_resets", "ended_block",
                                                      "ended_fields", "ended_protocol"};
    for (int v = METER_GOOD + 1; v < METER_VERDICTS; v++) {
        count_ended[v] = counter_register("http2", names[v], meter_verdict_text((meter_verdict)v));
    }
    count_resets = counter_register("http2", "resets", "Streams that clients have reset");
    count_our_resets =
        counter_register("http2", "our_resets", "Streams that clients made us reset");
    count_cut = counter_register("http2", "ignored_frames", "Frames that were of no use to us");
}

/* ---- what has to be looked at when the turn ends ---- */

static void unwatch(metered *m)
{
    if (!m->watched) {
        return;
    }
    m->watched = false;
    *m->previous = m->next;
    if (m->next != NULL) {
        m->next->previous = m->previous;
    }
}

static void watch(metered *m)
{
    server_worker *sw = m->c->sw;
    if (m->watched) {
        return;
    }
    m->watched = true;
    m->next = sw->metered_watched;
    m->previous = &sw->metered_watched;
    if (m->next != NULL) {
        m->next->previous = &m->next;
    }
    sw->metered_watched = m;
}

/* With 512 kB to be sent libh2o stops to read, and begins again with its own callback: then the
 * meter has to be put back, before the next octet can be read. */
void metered_sent(connection *c)
{
    if (c->metered != NULL && c->socket->_cb.read == NULL) {
        watch(c->metered);
    }
}

static void on_metered_read(h2o_socket_t *socket, const char *error);

void metered_turn_end(server_worker *sw)
{
    for (metered *m = sw->metered_watched, *next; m != NULL; m = next) {
        next = m->next;
        h2o_socket_t *socket = m->c->socket;
        if (m->ended) { /* and libh2o has had this turn to say so, and to close */
            unwatch(m);
            shutdown(h2o_socket_get_fd(socket), SHUT_RDWR);
        } else if (socket->_cb.read != NULL) { /* else it is still stalled, or about to close */
            unwatch(m);
            if (socket->_cb.read == m->h2o_read) {
                socket->_cb.read = on_metered_read;
            }
        }
    }
}

static void on_gone(connection *c)
{
    metered *m = c->metered;
    unwatch(m);
    if (m->gone != NULL) {
        *m->gone = true;
    }
    if (m->ended) {
        linger_start(c->sw, m->keeps);
    }
    free(m);
}

/* ---- the end ---- */

/* What has to be said of a connection, also when it is gone. */
typedef struct culprit {
    uint8_t source[16];
    cmp_str listener;
} culprit;

static void say_ended(const culprit *who, meter_verdict v)
{
    char source[LOG_SOURCE_SIZE];
    const log_field fields[] = {{"listener", who->listener}, log_source(who->source, source)};
    counter_add(count_ended[v], 1);
    log_limited(&ended, CMP_NONE, meter_verdict_text(v), fields, 2, "connection ended: %s",
                meter_verdict_text(v));
}

/* Has libh2o read. False: the socket has closed meanwhile. */
static bool deliver(metered *m, const char *error)
{
    bool gone = false;
    h2o_socket_t *socket = m->c->socket;
    m->gone = &gone;
    m->h2o_read(socket, error);
    if (!gone) {
        m->gone = NULL;
    }
    return !gone;
}

/* libh2o closes as soon as what is under way has been sent. When nobody takes that, it never would.
 */
static void end(metered *m)
{
    m->ended = true;
    m->keeps = linger_keep(m->c);
    watch(m);
}

/* Lets libh2o send GOAWAY and close. */
static void refuse(metered *m, meter_verdict v, const culprit *who)
{
    uint8_t frame[METER_REFUSAL_MAX];
    h2o_socket_t *socket = m->c->socket;
    say_ended(who, v);
    if (socket->_cb.read != on_metered_read) {
        end(m); /* libh2o does not read, or closes, and has freed what its callback needs */
        return;
    }
    h2o_buffer_consume(&socket->input, socket->input->size); /* an unfinished frame */
    const size_t size = meter_refusal(&m->meter, v, frame);
    memcpy(h2o_buffer_reserve(&socket->input, size).base, frame, size);
    socket->input->size += size;
    hpack_refuse(true);
    const bool open = deliver(m, NULL);
    hpack_refuse(false);
    hpack_exceeded(); /* that was us */
    if (open) {
        end(m);
    }
}

/* ---- reading ---- */

/* libh2o counts for all connections of a worker. It reads in one go, so the difference over a read
 * is this connection's: what a client made us reset (CVE-2025-8671) shows nowhere else. */
static uint64_t streams_reset(const connection *c)
{
    const uint64_t *errors = c->sw->context.http2.events.protocol_level_errors;
    uint64_t sum = 0;
    for (size_t i = 0; i < H2O_HTTP2_ERROR_MAX; i++) {
        sum += errors[i];
    }
    return sum;
}

/* libh2o does not open the connection's window, of 16 MiB, again for what was cut out of bodies:
 * before other requests want for room the client is asked to make a new connection. */
#define BODY_CUT_MAX (UINT64_C(4) << 20)

/* What the octets that have just come are worth; the socket's input holds what libh2o gets of them.
 * `*any`: there is some. */
static meter_verdict measure(metered *m, bool *any)
{
    h2o_socket_t *socket = m->c->socket;
    const size_t size = socket->bytes_read, before = socket->input->size - size;
    const uint64_t now_ms = server_now_ms(m->c->sw);
    meter_add_written(&m->meter, socket->bytes_written - m->written);
    m->written = socket->bytes_written;
    ptrdiff_t kept;
    const meter_verdict v =
        meter_read(&m->meter, &m->c->sw->limits.meter, (uint8_t *)socket->input->bytes + before,
                   size, now_ms, &kept);
    socket->input->size = (size_t)((ptrdiff_t)before + kept);
    *any = kept > 0;
    m->c->spent |= m->meter.body_cut > BODY_CUT_MAX;
    if (m->meter.reset_count != 0 || m->meter.cut_count != 0) {
        counter_add(count_resets, m->meter.reset_count);
        counter_add(count_cut, m->meter.cut_count);
        m->meter.reset_count = m->meter.cut_count = 0;
    }
    return v;
}

/* Looks at what libh2o made of it. False: the connection is at its end. */
static bool deliver_measured(metered *m, const culprit *who)
{
    connection *c = m->c;
    const uint64_t resets_before = streams_reset(c);
    const bool open = deliver(m, NULL);
    if (hpack_exceeded()) {
        say_ended(who, METER_FIELDS);
        if (open) {
            end(m);
        }
        return false;
    }
    if (!open) {
        return false;
    }
    const uint64_t resets = streams_reset(c) - resets_before;
    if (resets != 0) {
        counter_add(count_our_resets, resets);
        if (meter_add_resets(&m->meter, &c->sw->limits.meter, resets) != METER_GOOD) {
            refuse(m, METER_RESETS, who);
            return false;
        }
    }
    if (c->socket->input->size > INPUT_MAX) {
        end(m); /* libh2o is closing, and the client does not take it, but goes on sending */
        return false;
    }
    metered_sent(c);
    return true;
}

static void on_metered_read(h2o_socket_t *socket, const char *error)
{
    connection *c = socket->on_close.data;
    metered *m = c->metered;
    if (error != NULL) {
        m->h2o_read(socket, error);
        return;
    }
    if (m->ended || socket->bytes_read == 0) {
        h2o_buffer_consume(&socket->input, m->ended ? socket->input->size : 0);
        return;
    }
    culprit who = {.listener = c->entrance->name};
    memcpy(who.source, c->source, sizeof(who.source));
    bool any;
    const meter_verdict v = measure(m, &any);
    /* Without anything for libh2o it is not called: it would wait all the longer. */
    if (any) {
        sweep_received(c, socket->bytes_read);
        if (!deliver_measured(m, &who)) {
            return;
        }
    }
    if (v != METER_GOOD) {
        refuse(m, v, &who);
    }
}

bool metered_has_begun(const connection *c)
{
    return meter_has_preface(&c->metered->meter);
}

/* h2o_http2_accept begins to read, and parses at once what is there: that has to wait. */
void metered_accept(connection *c)
{
    h2o_socket_t *socket = c->socket;
    metered *m = kit_calloc(1, sizeof(*m));
    m->c = c;
    c->metered = m;
    c->gone = on_gone;
    h2o_buffer_t *came = socket->input;
    h2o_buffer_init(&socket->input, &h2o_socket_buffer_prototype);
    h2o_http2_accept(&c->entrance->accept, socket, c->connected_at);
    h2_list_entered(c);
    m->h2o_read = socket->_cb.read;
    socket->_cb.read = on_metered_read;
    h2o_buffer_dispose(&socket->input);
    socket->input = came;
    m->written = socket->bytes_written;
    if (came->size != 0) {
        socket->bytes_read = came->size;
        on_metered_read(socket, NULL);
    }
}
