/* SPDX-License-Identifier: Apache-2.0 */
/* See segment.h. */
#include "journal/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

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

/* Whole or not at all: what was written of a part is taken back, and a reader that sees it
 * meanwhile takes it for torn. */
static bool append(segment *s, const uint8_t *octets, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t put = pwrite(s->fd, octets + done, size - done, (off_t)(s->size + done));
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

/* A number that nobody has: another process may write there as well, as at a restart. Locked for as
 * long as it is written to (segment_is_open). */
static bool make_file(segment *s, char name[SEGMENT_NAME_SIZE])
{
    for (;; s->next++) {
        segment_name(s->stream, s->next, name);
        s->fd = openat(s->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (s->fd >= 0) {
            return flock(s->fd, LOCK_EX | LOCK_NB) == 0;
        }
        if (errno != EEXIST) {
            return false;
        }
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
    s->size = 0;
    s->created_ms = now_ms;
    if (!append(s, octets, sizeof(octets))) {
        const int error = errno;
        segment_close(s, false);
        unlinkat(s->folder, name, 0);
        errno = error;
        return false;
    }
    s->next++;
    return true;
}

bool segment_write(segment *s, const uint8_t *octets, size_t size, int64_t now_ms)
{
    return (s->fd >= 0 || begin(s, now_ms)) && append(s, octets, size);
}

bool segment_sync(segment *s)
{
    if (s->fd < 0 || !s->unsynced) {
        return true;
    }
    s->unsynced = false;
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
    close(s->fd);
    s->fd = -1;
}
