/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of files that somebody may be writing. */
#include <cmp-kit/file.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* One that is renamed into place has another inode, one that is written in place other times; of
 * these ctime alone is left when a copy keeps the time of the file that it is of (cp -p, rsync -t).
 */
static kit_file_mark mark_from(const struct stat *s)
{
    return (kit_file_mark){.device = s->st_dev,
                           .inode = s->st_ino,
                           .size = (uint64_t)s->st_size,
                           .modified_s = s->st_mtim.tv_sec,
                           .modified_ns = s->st_mtim.tv_nsec,
                           .changed_s = s->st_ctim.tv_sec,
                           .changed_ns = s->st_ctim.tv_nsec};
}

kit_file_mark kit_file_mark_of(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? mark_from(&s) : (kit_file_mark){.inode = 0};
}

bool kit_file_mark_equal(const kit_file_mark *a, const kit_file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_s == b->modified_s && a->modified_ns == b->modified_ns &&
           a->changed_s == b->changed_s && a->changed_ns == b->changed_ns;
}

bool kit_file_fail(kit_file *f, uint64_t line, const char *format, ...)
{
    if (f->error[0] != '\0') {
        return false;
    }
    char place[32] = "";
    if (line > 0) {
        snprintf(place, sizeof(place), ":%" PRIu64, line);
    }
    const int head = snprintf(f->error, sizeof(f->error), "%s%s: ", f->path, place);
    if (head > 0 && (size_t)head < sizeof(f->error)) {
        va_list args;
        va_start(args, format);
        vsnprintf(f->error + head, sizeof(f->error) - (size_t)head, format, args);
        va_end(args);
    }
    return false;
}

/* What is opened here kit_file_read closes, whatever comes of it. */
static bool file_open(kit_file *f)
{
    struct stat s;
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* never wait for a pipe */
    if (f->fd < 0 || fstat(f->fd, &s) != 0) {
        return kit_file_fail(f, 0, "cannot be opened: %s", strerror(errno));
    }
    if (!S_ISREG(s.st_mode)) {
        return kit_file_fail(f, 0, "is no regular file");
    }
    f->mark = mark_from(&s);
    f->opened = true;
    return true;
}

/* Asks the descriptor, not the path: another file that was renamed over the path meanwhile does not
 * touch what is read here. */
static bool is_as_opened(const kit_file *f)
{
    struct stat s;
    if (fstat(f->fd, &s) != 0) {
        return true; /* nothing says that it changed */
    }
    const kit_file_mark now = mark_from(&s);
    return kit_file_mark_equal(&now, &f->mark);
}

kit_file_result kit_file_read(kit_file *f, const char *path, const char *option,
                              kit_file_reader read, void *arg)
{
    *f = (kit_file){.path = path, .option = option, .fd = -1};
    bool good = (path == NULL || file_open(f)) && read(f, arg);
    bool changed = f->opened && !is_as_opened(f);
    if (changed) {
        f->error[0] = '\0'; /* what it complained of may have been half a line */
        good = kit_file_fail(f, 0, "the file changed while it was read");
    }
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
    return changed ? KIT_FILE_CHANGED : good ? KIT_FILE_GOOD : KIT_FILE_BAD;
}
