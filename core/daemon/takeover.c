/* SPDX-License-Identifier: Apache-2.0 */
/* See takeover.h. */
#include "daemon/takeover.h"

#include "base/log.h"
#include "daemon/handover_wire.h"

#include <cmp-kit/text.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S 10 /* for the other one to say the next thing, or to read what is said */

static const conf_place place = {.file = HANDOVER_VARIABLE};

/* The descriptor is for this process alone, and so is what names it. */
static int channel_of_environment(void)
{
    const char *text = getenv(HANDOVER_VARIABLE);
    int64_t fd = -1;
    if (text == NULL || !kit_number_parse(cmp_str_from(text), 3, INT_MAX, &fd)) {
        fd = -1;
    }
    unsetenv(HANDOVER_VARIABLE);
    return (int)fd;
}

static bool open_channel(int fd)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
           fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0;
}

static void take_socket(inherited *in, const handover_message *m, cmp_report *report)
{
    char error[128];
    if (!inherited_add(in, m->fd, m->words[0], m->words[1], error, sizeof(error))) {
        report_add(report, place, NULL, "the socket of listener %s: %s", m->words[0], error);
    }
}

/* What an unknown kind of message brings is for a program of another age. */
static void take(takeover *t, inherited *in, const handover_message *m, cmp_report *report)
{
    switch (m->kind) {
    case HANDOVER_HELLO:
        if (strcmp(m->words[0], HANDOVER_VERSION) != 0) {
            report_add(report, place, NULL,
                       "the process before hands over in another way (%s, and not %s): it has to "
                       "be stopped before this one is started",
                       m->words[0], HANDOVER_VERSION);
        }
        break;
    case HANDOVER_SOCKET:
        take_socket(in, m, report);
        break;
    case HANDOVER_ADMIN:
        t->admin = m->fd;
        break;
    case HANDOVER_REPLAY:
        t->replay = m->fd;
        break;
    default:
        break;
    }
}

bool takeover_begin(takeover *t, inherited *in, cmp_report *report)
{
    const size_t errors = report->count;
    *t = (takeover){.channel = channel_of_environment(), .admin = -1, .replay = -1};
    if (t->channel < 0) {
        return true;
    }
    if (!open_channel(t->channel)) {
        report_add(report, place, NULL, "descriptor %d is not what it should be: %s", t->channel,
                   strerror(errno));
        t->channel = -1;
        return false;
    }
    handover_message m = {.kind = HANDOVER_HELLO};
    do {
        if (handover_receive(t->channel, &m) != HANDOVER_RECEIVED) {
            report_add(report, place, NULL, "the process before has not handed over everything");
            return false;
        }
        take(t, in, &m, report);
    } while (m.kind != HANDOVER_END && report->count == errors);
    return report->count == errors;
}

void takeover_tell(const takeover *t, const cmp_report *report)
{
    for (size_t i = 0; i < report->count && t->channel >= 0; i++) {
        const conf_error *e = &report->errors[i];
        char line[16], column[16];
        snprintf(line, sizeof(line), "%u", e->place.line);
        snprintf(column, sizeof(column), "%u", e->place.column);
        const char *words[] = {e->place.file, line, column, e->key, e->text};
        if (!handover_send(t->channel, HANDOVER_FAULT, words, 5, -1)) {
            return; /* they stand in the log, too */
        }
    }
}

static void stop_watching(takeover *t)
{
    if (t->watch != NULL) {
        loop_watch_stop(t->watch);
        t->watch = NULL;
    }
}

static void on_message(void *arg)
{
    takeover *t = arg;
    handover_message m;
    const handover_received got = handover_receive(t->channel, &m);
    if (got == HANDOVER_NOTHING) {
        return;
    }
    stop_watching(t);
    if (got == HANDOVER_RECEIVED && m.kind == HANDOVER_GO) {
        t->drains = strcmp(m.words[0], "drains") == 0;
        t->go(t->arg);
    } else {
        t->lost(t->arg);
    }
}

void takeover_ready(takeover *t, loop *control, bool admin, void (*go)(void *arg),
                    void (*lost)(void *arg), void *arg)
{
    const char *words[] = {admin ? "kept" : ""};
    t->go = go;
    t->lost = lost;
    t->arg = arg;
    fcntl(t->channel, F_SETFL, fcntl(t->channel, F_GETFL) | O_NONBLOCK);
    t->watch = loop_watch_start(control, t->channel, on_message, t);
    if (t->watch == NULL || !handover_send(t->channel, HANDOVER_READY, words, 1, -1)) {
        stop_watching(t);
        lost(arg);
    }
}

void takeover_end(takeover *t)
{
    stop_watching(t);
    int *const all[] = {&t->channel, &t->admin, &t->replay};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (*all[i] >= 0) {
            close(*all[i]);
        }
        *all[i] = -1;
    }
}
