/* SPDX-License-Identifier: Apache-2.0 */
/* See segment.h. */
#include "journal/segment.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM_STEP ((size_t)4 * 1024 * 1024)

bool segment_init(segment *s, int folder, journal_stream stream,
                  const uint8_t run[SEGMENT_RUN_SIZE])
{
    *s = (segment){.folder = folder, .stream = stream, .fd = -1, .next = 1};
    memcpy(s->run, run, SEGMENT_RUN_SIZE);
    segment_files files;
    if (!segment_files_list(folder, stream, &files)) {
        return false;
    }
    if (files.count > 0) {
        s->next = files.at[files.count - 1].number + 1;
    }
    segment_files_free(&files);
    return true;
}

/* What of `parts` is left behind `done` octets. Returns how many parts that are. */
static int parts_left(const struct iovec *parts, int count, size_t done, struct iovec *left)
{
    int left_count = 0;
    for (int i = 0; i < count; i++) {
        const size_t passed = done < parts[i].iov_len ? done : parts[i].iov_len;
        done -= passed;
        if (passed < parts[i].iov_len) {
            left[left_count++] =
                (struct iovec){(uint8_t *)parts[i].iov_base + passed, parts[i].iov_len - passed};
        }
    }
    return left_count;
}

/* Writing to where there are blocks already costs the CPU a third less. Where a file system has no
 * such thing, or no room, it goes on without; what was too much goes when the file ends. */
static void have_room(segment *s, size_t size)
{
    if (s->size + size > s->room) {
        s->room = s->size + size + ROOM_STEP;
        (void)!fallocate(s->fd, FALLOC_FL_KEEP_SIZE, (off_t)s->size, (off_t)(size + ROOM_STEP));
    }
}

/* Whole or not at all: what was written of a part is taken back, and a reader that sees it
 * meanwhile takes it for torn. */
static bool append(segment *s, const struct iovec *parts, int count)
{
    size_t size = 0, done = 0;
    for (int i = 0; i < count; i++) {
        size += parts[i].iov_len;
    }
    have_room(s, size);
    while (done < size) {
        struct iovec left[SEGMENT_PARTS_MAX];
        const int left_count = parts_left(parts, count, done, left);
        const ssize_t put = pwritev(s->fd, left, left_count, (off_t)(s->size + done));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            const int error = put < 0 ? errno : ENOSPC;
            if (done > 0 && ftruncate(s->fd, (off_t)s->size) != 0) {
                segment_close(s, false); /* the next block goes to a file of its own */
            }
            errno = error;
            return false;
        }
        done += (size_t)put;
    }
    s->size += size;
    s->unsynced = true;
    return true;
}

static bool lock_file(int fd)
{
    while (flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* Whoever looked at it before it was locked has taken it for one that has ended, and may have
 * removed it. */
static bool has_name(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_nlink > 0;
}

/* One of that number has ended, and was compressed. */
static bool is_used_up(const segment *s, const char *name)
{
    char packed[SEGMENT_NAME_SIZE + 4];
    snprintf(packed, sizeof(packed), "%s.zst", name);
    return faccessat(s->folder, packed, F_OK, 0) == 0;
}

static bool take_name(segment *s, const char *name)
{
    if (!has_name(s->fd)) {
        return false;
    }
    if (is_used_up(s, name)) {
        unlinkat(s->folder, name, 0);
        return false;
    }
    return true;
}

/* A number that nobody has: another process may write there as well, as at a restart. Locked for as
 * long as it is written to (segment_is_open). */
static bool make_file(segment *s, char name[SEGMENT_NAME_SIZE])
{
    for (;; s->next++) {
        segment_name(s->stream, s->next, name);
        s->fd = openat(s->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (s->fd < 0 && errno != EEXIST) {
            return false;
        }
        if (s->fd < 0) {
            continue;
        }
        if (!lock_file(s->fd)) {
            return false;
        }
        if (take_name(s, name)) {
            s->unnamed = true;
            return true;
        }
        segment_close(s, false);
    }
}

/* The head is written with the first block, or the file goes again. */
static bool begin(segment *s, int64_t now_ms)
{
    char name[SEGMENT_NAME_SIZE];
    if (!make_file(s, name)) {
        segment_close(s, false);
        return false;
    }
    segment_head head = {.stream = s->stream, .number = s->next, .created_us = now_ms * 1000};
    memcpy(head.run, s->run, SEGMENT_RUN_SIZE);
    uint8_t octets[SEGMENT_HEAD_SIZE];
    segment_head_write(&head, octets);
    s->size = s->room = 0;
    s->begun_ms = (int64_t)clock_monotonic_ms();
    if (!append(s, &(struct iovec){octets, sizeof(octets)}, 1)) {
        const int error = errno;
        unlinkat(s->folder, name, 0); /* while it is locked, and surely ours */
        segment_close(s, false);
        errno = error;
        return false;
    }
    s->next++;
    return true;
}

bool segment_write(segment *s, const struct iovec *parts, int count, int64_t now_ms)
{
    return (s->fd >= 0 || begin(s, now_ms)) && append(s, parts, count);
}

bool segment_sync(segment *s)
{
    if (s->fd < 0 || !s->unsynced) {
        return true;
    }
    if (s->unnamed && fsync(s->folder) != 0) {
        return false;
    }
    s->unnamed = s->unsynced = false;
    return fdatasync(s->fd) == 0;
}

void segment_close(segment *s, bool sync)
{
    if (s->fd < 0) {
        return;
    }
    if (sync) {
        (void)!segment_sync(s);
    }
    if (s->room > s->size) {
        (void)!ftruncate(s->fd, (off_t)s->size);
    }
    close(s->fd);
    s->fd = -1;
}
