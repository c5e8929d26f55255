/* SPDX-License-Identifier: Apache-2.0 */
/* See pack.h. */
#include "journal/pack.h"

#include "base/write_all.h"
#include "journal/reader.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zstd.h>

#define LEVEL           6         /* of 19: a third of what is written, at 100 MB a second */
#define IDLE_PRIORITY   (3 << 13) /* ioprio_set(2): IOPRIO_CLASS_IDLE */
#define LOWEST_NICENESS 19

/* ---- the work ---- */

typedef struct packing {
    int from, to;
    ZSTD_CCtx *context;
    uint8_t *in, *out;
} packing;

static bool pack_octets(packing *p)
{
    for (bool last = false; !last;) {
        const ssize_t got = read(p->from, p->in, ZSTD_CStreamInSize());
        if (got < 0) {
            return false;
        }
        last = got == 0;
        ZSTD_inBuffer in = {.src = p->in, .size = (size_t)got};
        for (size_t left = 1; in.pos < in.size || (last && left != 0);) {
            ZSTD_outBuffer out = {.dst = p->out, .size = ZSTD_CStreamOutSize()};
            left = ZSTD_compressStream2(p->context, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
            if (ZSTD_isError(left)) {
                errno = EIO;
                return false;
            }
            if (!write_all(p->to, p->out, out.pos)) {
                return false;
            }
        }
    }
    return true;
}

static bool pack(int from, int to)
{
    packing p = {.from = from,
                 .to = to,
                 .context = kit_must(ZSTD_createCCtx()),
                 .in = kit_alloc(ZSTD_CStreamInSize()),
                 .out = kit_alloc(ZSTD_CStreamOutSize())};
    ZSTD_CCtx_setParameter(p.context, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(p.context, ZSTD_c_checksumFlag, 1);
    const bool good = pack_octets(&p);
    ZSTD_freeCCtx(p.context);
    free(p.in);
    free(p.out);
    return good;
}

/* The new file is whole and on the disk before it has its name. */
bool pack_into(int from, int folder, const char *name)
{
    char part[SEGMENT_NAME_SIZE + 16];
    struct stat status;
    snprintf(part, sizeof(part), "%s" FOLDER_PART, name);
    const int to = folder_make(folder, part, from);
    bool good =
        to >= 0 && fstat(from, &status) == 0 && lseek(from, 0, SEEK_SET) == 0 && pack(from, to);
    if (good) {
        const struct timespec times[2] = {status.st_atim, status.st_mtim};
        good = futimens(to, times) == 0 && fsync(to) == 0;
    }
    int error = errno;
    if (to >= 0) {
        close(to);
    }
    if (good && (renameat(folder, part, folder, name) != 0 || fsync(folder) != 0)) {
        good = false;
        error = errno;
    }
    if (!good) {
        unlinkat(folder, part, 0);
        errno = error;
    }
    return good;
}

static bool remove_name(int folder, const char *name)
{
    return (unlinkat(folder, name, 0) == 0 || errno == ENOENT) && fsync(folder) == 0;
}

/* Its writer has just made it, and takes another name when this one is gone, or it ended there. */
static bool is_empty(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_size == 0;
}

/* The old file goes when the new one is there: whoever reads finds one of them. Locked as a writer
 * has it, who may have made it but not yet locked it when it was taken for one that has ended. */
static bool replace(int folder, const char *name)
{
    char whole[SEGMENT_NAME_SIZE + 8];
    if (snprintf(whole, sizeof(whole), "%s.zst", name) >= (int)sizeof(whole)) {
        errno = ENAMETOOLONG;
        return false;
    }
    const int from = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool good = from >= 0 && flock(from, LOCK_SH | LOCK_NB) == 0 &&
                      (is_empty(from) || pack_into(from, folder, whole)) &&
                      remove_name(folder, name);
    const int error = errno;
    if (from >= 0) {
        close(from);
    }
    errno = error;
    return good;
}

/* ---- what was interrupted ---- */

static bool read_head(int folder, const char *name, uint8_t octets[SEGMENT_HEAD_SIZE])
{
    segment_source *s = segment_source_open(folder, name);
    const bool good =
        s != NULL && segment_source_read(s, octets, SEGMENT_HEAD_SIZE) == SEGMENT_HEAD_SIZE;
    segment_source_close(&s);
    return good;
}

/* Heads say of which run a file is, and when it was begun: they are one and the same. */
static bool remove_twin(int folder, const segment_file *packed)
{
    segment_file plain = {.stream = packed->stream, .number = packed->number};
    uint8_t of_packed[SEGMENT_HEAD_SIZE], of_plain[SEGMENT_HEAD_SIZE];
    segment_name(plain.stream, plain.number, plain.name);
    if (faccessat(folder, plain.name, F_OK, 0) != 0) {
        return errno == ENOENT;
    }
    if (segment_is_open(folder, &plain) || !read_head(folder, packed->name, of_packed) ||
        !read_head(folder, plain.name, of_plain) ||
        memcmp(of_packed, of_plain, SEGMENT_HEAD_SIZE) != 0) {
        return true;
    }
    return remove_name(folder, plain.name);
}

bool pack_clean_up(int folder)
{
    bool good = folder_remove_leftovers(folder);
    for (int i = 0; good && i < JOURNAL_STREAM_MAX; i++) {
        segment_files files;
        good = segment_files_list(folder, (journal_stream)i, &files);
        for (size_t at = 0; good && at < files.count; at++) {
            good = !files.at[at].compressed || remove_twin(folder, &files.at[at]);
        }
        segment_files_free(&files);
    }
    return good;
}

/* With the lock, as `cmpctl journal erase` puts files in each other's places, too. */
bool pack_file(const char *path)
{
    char folder_path[PATH_MAX], name[PATH_MAX];
    snprintf(folder_path, sizeof(folder_path), "%s", path);
    snprintf(name, sizeof(name), "%s", path);
    const int folder = open(dirname(folder_path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int lock = folder >= 0 ? folder_lock(folder, FOLDER_REWRITE, true) : -1;
    const bool good = lock >= 0 && pack_clean_up(folder) && replace(folder, basename(name));
    const int error = errno;
    if (lock >= 0) {
        close(lock);
    }
    if (folder >= 0) {
        close(folder);
    }
    errno = error;
    return good;
}

/* ---- the process ---- */

pid_t pack_start(const char *program, const char *path)
{
    char *const words[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)PACK_OPTION,
                           (char *)(uintptr_t)path, NULL};
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    pid_t child = -1;
    const int error = posix_spawn(&child, program, NULL, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    errno = error;
    return error == 0 ? child : -1;
}

int pack_run(const char *path)
{
    errno = 0;
    if (nice(LOWEST_NICENESS) == -1 && errno != 0) {
        perror("nice");
    }
    if (syscall(SYS_ioprio_set, 1, 0, IDLE_PRIORITY) != 0) {
        perror("ioprio_set");
    }
    if (!pack_file(path) && errno != EWOULDBLOCK && errno != ENOENT) {
        perror(path);
        return 1;
    }
    return 0;
}
