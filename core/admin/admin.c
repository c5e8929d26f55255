/* SPDX-License-Identifier: Apache-2.0 */
/* The socket, and its place among the workers' listeners. */
#include "admin/admin.h"

#include "admin/explain.h"
#include "admin/plugins.h"
#include "admin/rights.h"
#include "admin/stats.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct admin {
    char *path;
    int fd;      /* -1: closed */
    int file;    /* what it is at its path: as long as this is open, no other has its number */
    bool handed; /* it was that of the process before */
    bool left;   /* it is that of the process after */
    conf_listener conf;
    listener listener;
};

/* More than there may be connections: who finds it full is refused by the kernel. */
#define BACKLOG         128

#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

/* False: it is another one, or none. */
static bool is_at(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    return fd >= 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
           address.sun_family == AF_UNIX && strcmp(address.sun_path, path) == 0;
}

/* What a start would find out by binding, as far as it can be known without. What is handed over
 * was bound with other rights, perhaps, and nothing has to be made. */
void admin_check(const conf *c, int handed, cmp_report *report)
{
    static const char key[] = "admin.socket";
    const char *path = c->top.admin.socket;
    if (path == NULL || is_at(handed, path)) {
        return;
    }
    const conf_place place = conf_place_of(c, key);
    char copy[PATH_MAX];
    if (strlen(path) > SOCKET_PATH_MAX) {
        report_add(report, place, key, "the path has %zu octets, a socket's at most %zu",
                   strlen(path), SOCKET_PATH_MAX);
        return;
    }
    snprintf(copy, sizeof(copy), "%s", path);
    const char *folder = dirname(copy);
    struct stat status;
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0) {
        report_add(report, place, key, "the socket cannot be made in %s by uid %u: %s", folder,
                   (unsigned)geteuid(), strerror(errno));
    } else if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
        report_add(report, place, key, "%s is there, and is no socket", path);
    }
}

/* A socket's file outlives its process. Only by asking can a daemon that runs be told from one that
 * was killed; not by waiting, for one that hangs lets nobody in. */
static bool somebody_listens(const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool listens =
        fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
                    errno == EAGAIN); /* there is a queue, and it is full */
    if (fd >= 0) {
        close(fd);
    }
    return listens;
}

/* The daemon's user has to be able to remove it, and its operator to talk to it. */
static void give_to(const char *path, const char *user)
{
    const struct passwd *entry = user != NULL && geteuid() == 0 ? getpwnam(user) : NULL;
    if (entry != NULL && chown(path, entry->pw_uid, entry->pw_gid) != 0) {
        return; /* root still can */
    }
}

/* The umask, not a chmod afterwards: between bind and chmod others could connect. It is the
 * process's, and so changed while there is but one thread. */
static int bind_socket(const char *path, const char *user)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) {
        if (somebody_listens(&address)) {
            errno = EADDRINUSE;
            return -1;
        }
        unlink(path);
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const mode_t before = umask(0177);
    const bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    umask(before);
    if (!bound || listen(fd, BACKLOG) != 0) {
        const int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        errno = error;
        return -1;
    }
    give_to(path, user);
    return fd;
}

/* A listener like the others as far as connections go, without interfaces, TLS and limits of
 * sources: see rights.h for who may ask. */
admin *admin_open(const conf *c, int *handed, cmp_report *report)
{
    const char *path = c->top.admin.socket;
    if (path == NULL) {
        return NULL;
    }
    const bool take = is_at(*handed, path);
    const int fd = take ? *handed : bind_socket(path, c->top.user);
    if (fd < 0) {
        report_add(report, conf_place_of(c, "admin.socket"), "admin.socket", "cannot bind %s: %s",
                   path, strerror(errno));
        return NULL;
    }
    admin *a = kit_calloc(1, sizeof(*a));
    a->path = kit_strdup(path);
    a->fd = fd;
    a->file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    a->handed = take;
    a->left = take; /* it is still the other process's */
    *handed = take ? -1 : *handed;
    a->conf.name = CONF_LISTENER_ADMIN;
    a->listener.conf = &a->conf;
    a->listener.name = cmp_str_from(a->conf.name);
    return a;
}

bool admin_is_handed(const admin *a)
{
    return a != NULL && a->handed;
}

int admin_descriptor(const admin *a)
{
    return a != NULL ? a->fd : -1;
}

/* Once this one has stopped listening, the next may have put its own in the place. */
static bool is_in_place(const admin *a)
{
    struct stat ours, there;
    return a->file >= 0 && fstat(a->file, &ours) == 0 && lstat(a->path, &there) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* By a process that takes over not before the socket is its own: the one before may go by other
 * rights. What cannot be changed stays as it is bound, for the daemon's user. */
void admin_allow(const admin *a, const generation *g)
{
    if (a != NULL && !a->left && is_in_place(a) &&
        chmod(a->path, rights_given(g) ? 0666 : 0600) != 0) {
        log_warning("admin", "the permissions of %s cannot be changed: %s", a->path,
                    strerror(errno));
    }
}

void admin_own(admin *a, const generation *g)
{
    if (a != NULL) {
        a->left = false;
        admin_allow(a, g);
    }
}

void admin_leave(admin *a)
{
    a->left = true;
}

void admin_withdraw(admin *a)
{
    if (a != NULL && a->fd >= 0) {
        close(a->fd);
        a->fd = -1;
    }
}

void admin_close(admin **a_ref)
{
    admin *a = *a_ref;
    if (a == NULL) {
        return;
    }
    admin_withdraw(a);
    if (!a->left && is_in_place(a)) {
        unlink(a->path);
    }
    if (a->file >= 0) {
        close(a->file);
    }
    free(a->path);
    free(a);
    *a_ref = NULL;
}

int admin_share(const admin *a)
{
    if (a == NULL) {
        return -1;
    }
    const int fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        log_warning("admin", "a worker less takes part in %s: %s", a->path, strerror(errno));
    }
    return fd;
}

void admin_serve(const admin *a, int fd, server_worker *sw)
{
    server_worker_listen_admin(sw, &a->listener, fd, rights_some);
}

/* What a worker answers itself, with what it has; each row with the right that it takes. */
#define ANSWER(path_, right_, answer_)                                                             \
    {                                                                                              \
        .path = (path_), .right = ADMIN_##right_, .answer = (answer_)                              \
    }

static const struct {
    const char *path;
    admin_right right;
    int (*answer)(h2o_req_t *req);
} answers[] = {
    ANSWER("/explain", READ, explain_answer),
    ANSWER("/stats", READ, stats_answer),
    ANSWER("/plugins", READ, plugins_answer),
};

void admin_register(server *s)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        rights_guard(server_admin_host(s), answers[i].path, answers[i].right, answers[i].answer);
    }
}
