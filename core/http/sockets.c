/* SPDX-License-Identifier: Apache-2.0 */
/* See sockets.h. */
#include "http/sockets.h"

#include "base/log.h"
#include "http/socket.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* One that is open. */
typedef struct known {
    char *listener, *bind;
    unsigned worker;
    int fd;
    size_t address;       /* the same for all that were opened together */
    bool shared;          /* with other workers */
    bool handed;          /* to its worker, which owns it since */
    bool fresh;           /* opened for the configuration that is prepared */
    bool listens;         /* else its address is kept, and nobody gets in by it */
    const char *owner;    /* the listener that this one gives it to; NULL: it is not named there */
    int64_t buffer_bytes; /* that it is to have there */
} known;

/* A port of sockets that are known no longer, and that workers may still have open. */
typedef struct going {
    uint16_t port;
    unsigned since; /* which commit it was */
} going;

struct sockets {
    unsigned workers;
    known *at;
    size_t count, room;
    going *going;
    size_t going_count;
    unsigned commits;     /* so far */
    size_t addresses;     /* so far */
    inherited *inherited; /* NULL: none */
};

sockets *sockets_create(unsigned workers)
{
    sockets *s = kit_calloc(1, sizeof(*s));
    s->workers = workers;
    return s;
}

/* 0: it has none. */
static uint16_t port_of(int fd)
{
    endpoint at = {.size = sizeof(at.at)};
    const bool bound = getsockname(fd, (struct sockaddr *)&at.at, &at.size) == 0;
    return bound ? endpoint_port(&at) : 0;
}

static void forget(known *k)
{
    if (!k->handed) {
        close(k->fd);
    }
    free(k->listener);
    free(k->bind);
}

/* Those that are to be kept, in their order. */
static void keep(sockets *s, bool (*wanted)(const known *k))
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (wanted(&s->at[i])) {
            s->at[kept++] = s->at[i];
        } else {
            forget(&s->at[i]);
        }
    }
    s->count = kept;
}

/* Of what its worker is about to close, the descriptor says nothing any more: it may be another's
 * before we hear of it. */
static void let_go(sockets *s, const known *k)
{
    s->going = kit_realloc(s->going, (s->going_count + 1) * sizeof(*s->going));
    s->going[s->going_count++] = (going){port_of(k->fd), s->commits};
}

void sockets_gone(sockets *s, unsigned commit)
{
    size_t left = 0;
    for (size_t i = 0; i < s->going_count; i++) {
        if (s->going[i].since > commit) {
            s->going[left++] = s->going[i];
        }
    }
    s->going_count = left;
}

void sockets_destroy(sockets **ref)
{
    sockets *s = *ref;
    if (s != NULL) {
        for (size_t i = 0; i < s->count; i++) {
            forget(&s->at[i]);
        }
        free(s->at);
        free(s->going);
        free(s);
        *ref = NULL;
    }
}

void sockets_inherit(sockets *s, inherited *in)
{
    s->inherited = in;
}

/* That of others listens already, with a backlog of theirs. */
typedef enum maker {
    BY_US,
    BY_OTHERS,
} maker;

static known *add(sockets *s, const conf_listener *l, const char *bind, unsigned worker, int fd,
                  maker by)
{
    if (s->count == s->room) {
        s->room = s->room != 0 ? 2 * s->room : 16;
        s->at = kit_realloc(s->at, s->room * sizeof(*s->at));
    }
    s->at[s->count++] = (known){.listener = kit_strdup(l->name),
                                .bind = kit_strdup(bind),
                                .worker = worker,
                                .fd = fd,
                                .address = s->addresses,
                                .fresh = true,
                                .listens = by == BY_OTHERS,
                                .owner = l->name,
                                .buffer_bytes = l->receive_buffer_bytes};
    return &s->at[s->count - 1];
}

/* ---- opening ---- */

static bool open_for_workers(sockets *s, const conf_listener *l, const char *text,
                             const conf_bind *b)
{
    for (unsigned worker = 0; worker < s->workers; worker++) {
        const int fd = socket_open(b, (int)l->receive_buffer_bytes);
        if (fd < 0) {
            return false;
        }
        add(s, l, text, worker, fd, BY_US);
    }
    return true;
}

/* Every socket has a worker, and every worker a socket: one that is shared by a descriptor of its
 * own, for each closes what it has. False when there are too few of them; errno says why. */
static bool spread(sockets *s, const conf_listener *l, const char *text, const int *fds,
                   size_t count)
{
    const size_t most = count > s->workers ? count : s->workers;
    unsigned worker = 0; /* its turn */
    for (size_t i = 0; i < most; i++) {
        const int fd = i < count ? fds[i] : fcntl(fds[i % count], F_DUPFD_CLOEXEC, 3);
        const bool shared = i >= count || i + count < most;
        if (fd < 0) {
            return false;
        }
        socket_adopt(fd, (int)l->receive_buffer_bytes);
        add(s, l, text, worker, fd, BY_OTHERS)->shared = shared;
        worker = worker + 1 < s->workers ? worker + 1 : 0;
    }
    return true;
}

typedef enum inheritance {
    NOT_HANDED,
    HANDED,
    HANDED_TOO_FEW, /* errno says why */
} inheritance;

static inheritance inherit_address(sockets *s, const conf *c, size_t l, size_t b)
{
    const conf_listener *one = (const conf_listener *)c->top.listeners.at + l;
    if (s->inherited == NULL || s->inherited->count == 0) {
        return NOT_HANDED;
    }
    inheritance got = NOT_HANDED;
    int *fds = kit_calloc(s->inherited->count, sizeof(*fds));
    const size_t count = inherited_take(s->inherited, l, b, fds, s->inherited->count);
    if (count > 0) {
        s->addresses++;
        got = spread(s, one, one->bind.at[b], fds, count) ? HANDED : HANDED_TOO_FEW;
    }
    free(fds); /* errno stays */
    return got;
}

/* Whether a socket of ours, or of the process before, has that port, be it one that is about to go:
 * it shares it with us. */
static bool is_ours(const sockets *s, uint16_t port)
{
    bool ours = s->inherited != NULL && inherited_has_port(s->inherited, port);
    for (size_t i = 0; i < s->count && !ours; i++) {
        ours = !s->at[i].fresh && port_of(s->at[i].fd) == port;
    }
    for (size_t i = 0; i < s->going_count && !ours; i++) {
        ours = s->going[i].port == port;
    }
    return ours;
}

/* Binds one address once for each worker, all to one port. errno says why not. */
static bool open_address(sockets *s, const conf_listener *l, const char *text)
{
    conf_bind b;
    if (!bind_parse(text, &b)) {
        errno = EINVAL;
        return false;
    }
    /* Another process on the same port would silently share it, thanks to SO_REUSEPORT. */
    if (!is_ours(s, endpoint_port(&b.at)) && socket_is_taken(&b)) {
        errno = EADDRINUSE;
        return false;
    }
    const int chosen = socket_choose_port(&b);
    s->addresses++;
    const bool opened = open_for_workers(s, l, text, &b);
    const int error = errno;
    close(chosen);
    errno = error;
    return opened;
}

/* ---- from one configuration to the next ---- */

static bool has_port(const char *bind)
{
    conf_bind b;
    return bind_parse(bind, &b) && endpoint_port(&b.at) != 0;
}

static bool is_free_for(const known *k, const conf_listener *l, const char *bind, bool has_port)
{
    return k->owner == NULL && strcmp(k->bind, bind) == 0 &&
           (has_port || strcmp(k->listener, l->name) == 0);
}

/* Gives the open sockets of a bind to a listener: its own, or those of another name, which has them
 * no longer, as no port is given twice. False: there are none. */
static bool find(sockets *s, const conf_listener *l, const char *bind)
{
    const bool named = has_port(bind);
    size_t first = 0;
    while (first < s->count && !is_free_for(&s->at[first], l, bind, named)) {
        first++;
    }
    for (size_t i = first; i < s->count; i++) {
        known *k = &s->at[i];
        if (k->address == s->at[first].address) {
            k->owner = l->name;
            k->buffer_bytes = l->receive_buffer_bytes;
        }
    }
    return first < s->count;
}

static const char *hint(int error)
{
    return error == EACCES ? " (ports below net.ipv4.ip_unprivileged_port_start, which is 1024 by "
                             "default, need CAP_NET_BIND_SERVICE)"
                           : "";
}

static void prepare_address(sockets *s, const conf *c, size_t l, size_t b, cmp_report *report)
{
    const conf_listener *one = (const conf_listener *)c->top.listeners.at + l;
    const char *text = one->bind.at[b];
    if (find(s, one, text)) {
        return;
    }
    const inheritance got = inherit_address(s, c, l, b);
    if (got == HANDED_TOO_FEW || (got == NOT_HANDED && !open_address(s, one, text))) {
        const int error = errno;
        char key[64];
        snprintf(key, sizeof(key), "listeners[%zu].bind", l);
        report_add(report, conf_place_of(c, key), key, "cannot bind %s: %s%s", text,
                   strerror(error), hint(error));
    }
}

bool sockets_prepare(sockets *s, const conf *c, cmp_report *report)
{
    const conf_listener *all = c->top.listeners.at;
    const size_t errors = report->count;
    for (size_t i = 0; i < s->count; i++) {
        s->at[i].owner = NULL;
    }
    if (s->inherited != NULL) {
        inherited_match(s->inherited, c);
    }
    for (size_t l = 0; l < c->top.listeners.count; l++) {
        for (size_t b = 0; b < all[l].bind.count; b++) {
            prepare_address(s, c, l, b, report);
        }
    }
    s->inherited = NULL;
    if (report->count != errors) {
        sockets_abandon(s);
    }
    return report->count == errors;
}

static bool is_old(const known *k)
{
    return !k->fresh;
}

void sockets_abandon(sockets *s)
{
    keep(s, is_old);
}

/* The kernel takes less without a word, and shows twice what it took. */
static void warn_when_smaller(const known *k)
{
    int taken = 0;
    socklen_t size = sizeof(taken);
    if (getsockopt(k->fd, SOL_SOCKET, SO_RCVBUF, &taken, &size) == 0 &&
        taken / 2 < k->buffer_bytes) {
        log_warning("http",
                    "listener %s: the kernel allows a receive_buffer of %d octets only, not "
                    "%lld; see net.core.rmem_max",
                    k->owner, taken / 2, (long long)k->buffer_bytes);
    }
}

/* Not before it is in force: who only tries a configuration would read of what is not there. */
static void log_fresh(const known *k)
{
    endpoint at = {.size = sizeof(at.at)};
    char text[ENDPOINT_TEXT_SIZE];
    getsockname(k->fd, (struct sockaddr *)&at.at, &at.size);
    endpoint_format(&at, text);
    log_notice("http", "listener %s at %s%s", k->owner, text, k->listens ? ", handed over" : "");
    warn_when_smaller(k);
}

static void log_deaf(const known *k)
{
    log_error("http",
              "listener %s: worker %u cannot listen at %s: %s; a configuration that names it is to "
              "be loaded again",
              k->owner, k->worker, k->bind, strerror(errno));
}

/* Listening is all that has to go right once nothing can go back; what stood in its way, binding
 * would have found. */
static bool is_served(const known *k)
{
    if (k->owner == NULL) {
        return false;
    }
    const bool listens = k->listens || socket_listen(k->fd);
    if (!listens) {
        log_deaf(k);
    }
    return listens;
}

unsigned sockets_commit(sockets *s)
{
    s->commits++;
    for (size_t i = 0; i < s->count; i++) {
        if (s->at[i].owner == NULL && s->at[i].handed) {
            let_go(s, &s->at[i]);
        }
    }
    keep(s, is_served);
    for (size_t i = 0; i < s->count; i++) {
        known *k = &s->at[i];
        if (!k->fresh) {
            socket_set_buffer(k->fd, (int)k->buffer_bytes);
        } else if (i == 0 || s->at[i - 1].address != k->address) {
            log_fresh(k);
        }
        k->fresh = false;
        k->listens = true;
        char *name = kit_strdup(k->owner); /* the configuration's own goes with it */
        free(k->listener);
        k->listener = name;
        k->owner = k->listener;
    }
    return s->commits;
}

/* ---- who has them ---- */

sockets_hand *sockets_hand_make(sockets *s, unsigned worker)
{
    sockets_hand *h = kit_calloc(1, sizeof(*h) + s->count * sizeof(h->at[0]));
    for (size_t i = 0; i < s->count; i++) {
        known *k = &s->at[i];
        if (k->worker == worker) {
            h->at[h->count++] = (struct handed_socket){kit_strdup(k->listener), k->fd, k->shared};
            k->handed = true;
        }
    }
    return h;
}

void sockets_hand_destroy(sockets_hand **ref)
{
    sockets_hand *h = *ref;
    if (h != NULL) {
        for (size_t i = 0; i < h->count; i++) {
            free(h->at[i].listener);
        }
        free(h);
        *ref = NULL;
    }
}

void sockets_each(const sockets *s,
                  void (*visit)(const char *listener, const char *bind, unsigned worker, int fd,
                                void *arg),
                  void *arg)
{
    for (size_t i = 0; i < s->count; i++) {
        const known *k = &s->at[i];
        visit(k->listener, k->bind, k->worker, k->fd, arg);
    }
}

/* ---- a look only ---- */

/* An address that is not there yet may come, and a port may be held by the cmpd that this one is to
 * follow: no errors, as long as nobody wants to serve. */
static void warn_when_not_free(const conf *c, const char *text, const char *key, cmp_report *report)
{
    conf_bind b;
    if (!bind_parse(text, &b) || socket_try(&b)) {
        return;
    }
    const char *why = errno == EADDRINUSE      ? "it is in use now"
                      : errno == EADDRNOTAVAIL ? "this machine has no such address now"
                                               : strerror(errno);
    report_warn(report, conf_place_of(c, key), key, "%s cannot be bound: %s", text, why);
}

void sockets_check(const conf *c, cmp_report *report)
{
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    for (size_t l = 0; l < c->top.listeners.count; l++) {
        const cmp_strings *texts = &((const conf_listener *)c->top.listeners.at)[l].bind;
        for (size_t i = 0; i < texts->count; i++) {
            warn_when_not_free(c, texts->at[i],
                               kit_arena_printf(&a, "listeners[%zu].bind[%zu]", l, i), report);
        }
    }
    kit_arena_reset(&a);
}
