/* SPDX-License-Identifier: Apache-2.0 */
/* See handover.h. The new process is a child for the time being: how it ends can be told, and when
 * this one ends it becomes that of whoever looks after orphans. */
#include "daemon/handover.h"

#include "base/log_output.h"
#include "daemon/handover_wire.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANNEL_FD 3 /* in the new process */

/* ---- how this one was started ---- */

static struct {
    const char *program;
    char **argv, **environment;
    int folder;
} start = {.folder = -1};

static size_t count_of(char *const *list)
{
    size_t count = 0;
    while (list[count] != NULL) {
        count++;
    }
    return count;
}

/* The texts themselves stay where the kernel has put them. */
static char **copy_of(char *const *list)
{
    const size_t size = (count_of(list) + 1) * sizeof(*list);
    return memcpy(kit_alloc(size), list, size);
}

void handover_remember(const char *program, char **argv)
{
    start.program = program;
    start.argv = copy_of(argv);
    start.environment = copy_of(environ);
    start.folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* ---- one handover ---- */

/* What is still to be sent. */
#define GRACE_MS 1000 /* for a process that has let go of us to end by itself */

typedef struct present {
    handover_kind kind;
    char *words[2];
    int fd;
} present;

struct handover {
    loop *control;
    int channel;
    cmp_watch *watch;
    pid_t pid;
    int process; /* a descriptor of it: readable when it has ended */
    cmp_watch *process_watch;
    cmp_timer *limit;
    uint64_t limit_ms;
    present *presents;
    size_t present_count, presents_sent;
    bool ready, admin, late, reaped;
    bool taken; /* its word that it is ready was taken: it lives on */
    cmp_report faults;
    void (*ended)(const handover_result *result, void *arg);
    void *arg;
};

static void add_present(handover *h, handover_kind kind, const char *one, const char *other, int fd)
{
    h->presents = kit_realloc(h->presents, (h->present_count + 1) * sizeof(*h->presents));
    h->presents[h->present_count++] =
        (present){kind,
                  {one != NULL ? kit_strdup(one) : NULL, other != NULL ? kit_strdup(other) : NULL},
                  fd};
}

static void add_socket(const char *listener, const char *bind, unsigned worker, int fd, void *arg)
{
    (void)worker;
    add_present(arg, HANDOVER_SOCKET, listener, bind, fd);
}

static void collect(handover *h, const handover_gift *gift)
{
    add_present(h, HANDOVER_HELLO, HANDOVER_VERSION, NULL, -1);
    sockets_each(gift->sockets, add_socket, h);
    if (gift->admin >= 0) {
        add_present(h, HANDOVER_ADMIN, NULL, NULL, gift->admin);
    }
    if (gift->replay >= 0) {
        add_present(h, HANDOVER_REPLAY, NULL, NULL, gift->replay);
    }
    add_present(h, HANDOVER_END, NULL, NULL, -1);
}

/* ---- starting the program ---- */

/* What whoever started this process had to say to it alone. */
static bool is_ours_alone(const char *variable)
{
    static const char *const names[] = {HANDOVER_VARIABLE "=",
                                        "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES="};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(variable, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* A list of texts that stay where they are. */
static char **environment_make(char *channel)
{
    char **made = kit_calloc(count_of(start.environment) + 2, sizeof(*made));
    size_t count = 0;
    for (char **one = start.environment; *one != NULL; one++) {
        if (!is_ours_alone(*one)) {
            made[count++] = *one;
        }
    }
    made[count] = channel;
    return made;
}

/* The standard error is the one that the log goes to: descriptor 2 is a pipe that this process
 * empties. The channel is the last: it may take the number of one of the others. */
static void describe_files(posix_spawn_file_actions_t *files, int channel)
{
    posix_spawn_file_actions_init(files);
    if (start.folder >= 0) {
        posix_spawn_file_actions_addfchdir_np(files, start.folder);
    }
    posix_spawn_file_actions_adddup2(files, log_output_fd(), STDERR_FILENO);
    posix_spawn_file_actions_adddup2(files, channel, CHANNEL_FD);
}

/* Signals that are blocked or ignored here would be so there. */
static void describe_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static bool spawn(handover *h, int channel)
{
    char variable[] = HANDOVER_VARIABLE "=3";
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    char **environment = environment_make(variable);
    describe_files(&files, channel);
    describe_signals(&attributes);
    errno = posix_spawn(&h->pid, start.program, &files, &attributes, start.argv, environment);
    const int error = errno;
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    free(environment);
    errno = error;
    return error == 0;
}

/* ---- the end ---- */

static void stop_watching(handover *h)
{
    if (h->watch != NULL) {
        loop_watch_stop(h->watch);
        h->watch = NULL;
    }
    if (h->process_watch != NULL) {
        loop_watch_stop(h->process_watch);
        h->process_watch = NULL;
    }
    if (h->limit != NULL) {
        loop_timer_stop(h->limit);
        h->limit = NULL;
    }
}

/* Why it is not ready. */
static void explain(const handover *h, int status, char *why, size_t size)
{
    if (h->late) {
        snprintf(why, size, "the new process was not ready within %llu ms, and was ended",
                 (unsigned long long)h->limit_ms);
    } else if (h->faults.count > 0) {
        snprintf(why, size, "the new process does not start");
    } else if (WIFSIGNALED(status)) {
        snprintf(why, size, "the new process was ended by signal %d (%s) before it was ready",
                 WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
    } else {
        snprintf(why, size,
                 "the new process (%s) ended with status %d before it was ready: see the log",
                 start.program, WEXITSTATUS(status));
    }
}

static void take_fault(handover *h, const handover_message *m)
{
    const conf_place place = {kit_arena_text(&h->faults.memory, cmp_str_from(m->words[0])),
                              (unsigned)strtoul(m->words[1], NULL, 10),
                              (unsigned)strtoul(m->words[2], NULL, 10)};
    const char *key =
        *m->words[3] != '\0' ? kit_arena_text(&h->faults.memory, cmp_str_from(m->words[3])) : NULL;
    report_add(&h->faults, *place.file != '\0' ? place : (conf_place){.file = NULL}, key, "%s",
               m->words[4]);
}

/* False when there is nothing more to come. */
static bool read_all(handover *h)
{
    handover_message m;
    handover_received got;
    while (!h->ready && (got = handover_receive(h->channel, &m)) != HANDOVER_NOTHING) {
        if (got == HANDOVER_CLOSED) {
            return false;
        }
        if (m.fd >= 0) {
            close(m.fd); /* nobody has asked for one */
        }
        if (m.kind == HANDOVER_FAULT) {
            take_fault(h, &m);
        }
        h->ready = m.kind == HANDOVER_READY;
        h->admin = h->ready && strcmp(m.words[0], "kept") == 0;
    }
    return true;
}

static void on_process_end(void *arg)
{
    handover *h = arg;
    int status = 0;
    (void)!read_all(h); /* what it had to say before */
    stop_watching(h);
    waitpid(h->pid, &status, 0);
    h->reaped = true;
    handover_result result = {.faults = &h->faults};
    explain(h, status, result.why, sizeof(result.why));
    h->ended(&result, h->arg);
}

/* It lives on without us, for whatever reason: there cannot be two. */
static void on_grace_over(void *arg)
{
    handover *h = arg;
    h->limit = NULL;
    kill(h->pid, SIGKILL);
}

/* One that was ended for being late may have said at the same moment that it is ready. */
static void on_message(void *arg)
{
    handover *h = arg;
    if (!read_all(h)) {
        loop_watch_stop(h->watch);
        h->watch = NULL;
        if (!h->late) {
            /* Mostly it is about to end, and its status says why. */
            loop_timer_stop(h->limit);
            h->limit = loop_timer_start(h->control, GRACE_MS, on_grace_over, h);
        }
    } else if (h->ready && !h->late) {
        stop_watching(h);
        h->taken = true;
        const handover_result result = {.ready = true, .pid = h->pid, .admin = h->admin};
        h->ended(&result, h->arg);
    }
}

static void on_late(void *arg)
{
    handover *h = arg;
    h->limit = NULL;
    h->late = true;
    kill(h->pid, SIGKILL);
}

/* ---- the beginning ---- */

/* More than the socket takes at once waits until the new process has read some. */
static void send_presents(void *arg)
{
    handover *h = arg;
    for (; h->presents_sent < h->present_count; h->presents_sent++) {
        const present *p = &h->presents[h->presents_sent];
        if (!handover_send(h->channel, p->kind, (const char *const *)p->words, 2, p->fd)) {
            if (errno == EAGAIN) {
                loop_watch_write(h->watch, send_presents);
            }
            return; /* otherwise its end will be noticed */
        }
    }
}

/* Both ends are not blocking: each has other things to do. */
static bool open_channel(handover *h)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return false;
    }
    h->channel = ends[0];
    const bool spawned = spawn(h, ends[1]);
    const int error = errno;
    close(ends[1]);
    errno = error;
    return spawned;
}

handover *handover_begin(loop *control, const handover_gift *gift, uint64_t limit_ms,
                         void (*ended)(const handover_result *result, void *arg), void *arg,
                         char *error, size_t error_size)
{
    handover *h = kit_calloc(1, sizeof(*h));
    *h = (handover){.control = control,
                    .channel = -1,
                    .process = -1,
                    .limit_ms = limit_ms,
                    .ended = ended,
                    .arg = arg};
    report_init(&h->faults);
    if (!open_channel(h)) {
        snprintf(error, error_size, "%s cannot be started: %s", start.program, strerror(errno));
        handover_destroy(&h);
        return NULL;
    }
    h->process = pidfd_open(h->pid, 0);
    h->watch = loop_watch_start(control, h->channel, on_message, h);
    h->process_watch =
        h->process >= 0 ? loop_watch_start(control, h->process, on_process_end, h) : NULL;
    if (h->watch == NULL || h->process_watch == NULL) {
        snprintf(error, error_size, "the new process cannot be watched: %s", strerror(errno));
        handover_destroy(&h);
        return NULL;
    }
    h->limit = loop_timer_start(control, limit_ms, on_late, h);
    collect(h, gift);
    send_presents(h);
    return h;
}

bool handover_go(handover *h, bool drains)
{
    const char *words[] = {drains ? "drains" : ""};
    h->ready = handover_send(h->channel, HANDOVER_GO, words, 1, -1);
    return h->ready;
}

void handover_destroy(handover **ref)
{
    handover *h = *ref;
    *ref = NULL;
    if (h == NULL) {
        return;
    }
    stop_watching(h);
    if (h->pid != 0 && !h->taken && !h->reaped) {
        kill(h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
    }
    for (size_t i = 0; i < h->present_count; i++) {
        free(h->presents[i].words[0]);
        free(h->presents[i].words[1]);
    }
    free(h->presents);
    report_dispose(&h->faults);
    if (h->process >= 0) {
        close(h->process);
    }
    if (h->channel >= 0) {
        close(h->channel);
    }
    free(h);
}
