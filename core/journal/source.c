/* SPDX-License-Identifier: Apache-2.0 */
/* The octets of a segment's file, unpacked when it was compressed. */
#include "journal/reader.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

struct segment_source {
    int fd;
    ZSTD_DStream *unpack; /* NULL: as it is */
    uint8_t *packed;
    ZSTD_inBuffer in;
    bool ended;
};

segment_source *segment_source_open(int folder, const char *name)
{
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    segment_source *s = kit_calloc(1, sizeof(*s));
    s->fd = fd;
    const size_t size = strlen(name);
    if (size > 4 && strcmp(name + size - 4, ".zst") == 0) {
        s->unpack = kit_must(ZSTD_createDStream());
        s->packed = kit_alloc(ZSTD_DStreamInSize());
        s->in.src = s->packed;
    }
    return s;
}

void segment_source_close(segment_source **ref)
{
    segment_source *s = *ref;
    if (s == NULL) {
        return;
    }
    close(s->fd);
    ZSTD_freeDStream(s->unpack);
    free(s->packed);
    free(s);
    *ref = NULL;
}

static ptrdiff_t read_file(const segment_source *s, uint8_t *to, size_t room)
{
    ssize_t got;
    do {
        got = read(s->fd, to, room);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* What cannot be unpacked is an end: the segment is then found to be torn. */
static ptrdiff_t unpack(segment_source *s, uint8_t *to, size_t room)
{
    ZSTD_outBuffer out = {.dst = to, .size = room};
    while (out.pos == 0) {
        if (s->in.pos == s->in.size && !s->ended) {
            const ptrdiff_t got = read_file(s, s->packed, ZSTD_DStreamInSize());
            if (got < 0) {
                return got;
            }
            s->ended = got == 0;
            s->in.size = (size_t)got;
            s->in.pos = 0;
        }
        const size_t before = s->in.pos;
        if (ZSTD_isError(ZSTD_decompressStream(s->unpack, &out, &s->in))) {
            return (ptrdiff_t)out.pos;
        }
        if (s->ended && out.pos == 0 && s->in.pos == before) {
            return 0;
        }
    }
    return (ptrdiff_t)out.pos;
}

ptrdiff_t segment_source_read(void *arg, uint8_t *to, size_t room)
{
    segment_source *s = arg;
    return s->unpack != NULL ? unpack(s, to, room) : read_file(s, to, room);
}

bool segment_source_is_written(const segment_source *s)
{
    return segment_is_written(s->fd);
}

bool segment_source_has_name(const segment_source *s)
{
    struct stat status;
    return fstat(s->fd, &status) == 0 && status.st_nlink > 0;
}
