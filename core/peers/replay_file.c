/* SPDX-License-Identifier: Apache-2.0 */
/* See replay_file.h. */
#include "peers/replay_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(const char *what, char *error, size_t error_size)
{
    snprintf(error, error_size, "%s: %s", what, strerror(errno));
    return false;
}

/* Who could write it would make used requests new again, or refuse anybody's. */
static bool is_private(int fd, char *error, size_t error_size)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return failed("it cannot be looked at", error, error_size);
    }
    if (!S_ISREG(status.st_mode)) {
        snprintf(error, error_size, "it is no regular file");
        return false;
    }
    if (status.st_uid != geteuid() && geteuid() != 0) {
        snprintf(error, error_size, "it belongs to uid %u, and this is uid %u",
                 (unsigned)status.st_uid, (unsigned)geteuid());
        return false;
    }
    if ((status.st_mode & 077) != 0) {
        snprintf(error, error_size, "it is open to others (mode %04o): run chmod 600 on it",
                 status.st_mode & 07777);
        return false;
    }
    return true;
}

/* A FIFO would otherwise keep whoever opens it waiting. */
#define OPEN_FLAGS (O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)

static bool same_file(int fd, const char *path)
{
    struct stat mine, there;
    return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

/* Alone or not is decided by the kernel, which knows who has died. */
static bool lock(replay_file *f)
{
    f->alone = flock(f->fd, LOCK_EX | LOCK_NB) == 0;
    if (f->alone) {
        return true;
    }
    int result;
    do {
        result = flock(f->fd, LOCK_SH);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

bool replay_file_open(replay_file *f, const char *path, char *error, size_t error_size)
{
    for (;;) {
        *f = (replay_file){.fd = open(path, OPEN_FLAGS | O_CREAT, 0600)};
        if (f->fd < 0) {
            return failed("it cannot be opened", error, error_size);
        }
        if (!is_private(f->fd, error, error_size)) {
            replay_file_close(f);
            return false;
        }
        if (!lock(f)) {
            replay_file_close(f);
            return failed("it cannot be locked", error, error_size);
        }
        /* Another one may have been put in its place while this one waited. */
        if (same_file(f->fd, path)) {
            break;
        }
        replay_file_close(f);
    }
    struct stat status;
    f->size = fstat(f->fd, &status) == 0 ? (size_t)status.st_size : 0;
    return true;
}

bool replay_file_look(replay_file *f, const char *path, char *error, size_t error_size)
{
    struct stat status;
    *f = (replay_file){.fd = open(path, OPEN_FLAGS)};
    if (f->fd >= 0) {
        const bool good = is_private(f->fd, error, error_size);
        f->size = good && fstat(f->fd, &status) == 0 ? (size_t)status.st_size : 0;
        return good;
    }
    if (errno != ENOENT) {
        return failed("it cannot be opened", error, error_size);
    }
    char folder[PATH_MAX];
    snprintf(folder, sizeof(folder), "%s", path);
    return faccessat(AT_FDCWD, dirname(folder), W_OK | X_OK, AT_EACCESS) == 0 ||
           failed("it cannot be made", error, error_size);
}

bool replay_file_make(replay_file *f, size_t size, char *error, size_t error_size)
{
    if (ftruncate(f->fd, 0) != 0) {
        return failed("it cannot be emptied", error, error_size);
    }
    errno = posix_fallocate(f->fd, 0, (off_t)size);
    if (errno != 0) {
        return failed("there is no room for it", error, error_size);
    }
    f->size = size;
    return true;
}

void *replay_file_map(const replay_file *f, size_t size, char *error, size_t error_size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
    if (at == MAP_FAILED) {
        failed("it cannot be mapped", error, error_size);
        return NULL;
    }
    return at;
}

/* Not in one step: in between another one may be alone for a moment. That does no harm, as this one
 * touches nothing before it has its share. */
void replay_file_share(replay_file *f)
{
    while (f->alone && flock(f->fd, LOCK_SH) != 0 && errno == EINTR) {
    }
    f->alone = false;
}

void replay_file_close(replay_file *f)
{
    if (f->fd >= 0) {
        close(f->fd);
    }
    f->fd = -1;
}
