/* SPDX-License-Identifier: Apache-2.0 */
/* See folder.h. */
#include "journal/folder.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX            ".cmpj"
#define SUFFIX_COMPRESSED SUFFIX ".zst"
#define NUMBER_DIGITS     8

static const char *const heads[] = {
    [JOURNAL_STREAM_JOURNAL] = "journal-", [JOURNAL_STREAM_REJECTIONS] = "rejected-"};

void segment_name(journal_stream stream, uint64_t number, char name[SEGMENT_NAME_SIZE])
{
    snprintf(name, SEGMENT_NAME_SIZE, "%s%0*llu" SUFFIX, heads[stream], NUMBER_DIGITS,
             (unsigned long long)number);
}

/* What else lies there, a file that is not yet whole included, is nobody's. */
static bool read_name(const char *name, journal_stream stream, segment_file *f)
{
    const size_t head = strlen(heads[stream]);
    if (strncmp(name, heads[stream], head) != 0 || strlen(name) >= SEGMENT_NAME_SIZE) {
        return false;
    }
    const size_t digits = strspn(name + head, "0123456789");
    const char *suffix = name + head + digits;
    int64_t number;
    f->compressed = strcmp(suffix, SUFFIX_COMPRESSED) == 0;
    if ((!f->compressed && strcmp(suffix, SUFFIX) != 0) || digits < NUMBER_DIGITS ||
        !kit_number_parse((cmp_str){name + head, digits}, 0, INT64_MAX, &number)) {
        return false;
    }
    snprintf(f->name, sizeof(f->name), "%s", name);
    f->stream = stream;
    f->number = (uint64_t)number;
    return true;
}

/* Its writer has it locked. */
bool segment_is_written(int fd)
{
    const bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0;
    if (!locked) {
        flock(fd, LOCK_UN);
    }
    return locked;
}

/* Nobody writes to a compressed one, and one that went is not open. */
bool segment_is_open(int folder, const segment_file *f)
{
    const int fd = f->compressed ? -1 : openat(folder, f->name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const bool open = segment_is_written(fd);
    close(fd);
    return open;
}

static int compare(const void *a, const void *b)
{
    const segment_file *x = a, *y = b;
    return x->number != y->number           ? (x->number < y->number ? -1 : 1)
           : x->compressed == y->compressed ? 0
           : x->compressed                  ? -1
                                            : 1;
}

static void leave_twins_out(segment_files *files)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (kept == 0 || files->at[kept - 1].number != files->at[i].number) {
            files->at[kept++] = files->at[i];
        }
    }
    files->count = kept;
}

/* One that goes away meanwhile was removed in its time. */
static void add(int folder, const char *name, journal_stream stream, segment_files *files)
{
    segment_file f;
    struct stat status;
    if (!read_name(name, stream, &f) || fstatat(folder, name, &status, 0) != 0 ||
        !S_ISREG(status.st_mode)) {
        return;
    }
    f.size = (uint64_t)status.st_size;
    f.modified_ms = (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
    if (files->count == files->room) {
        files->room = files->room != 0 ? 2 * files->room : 64;
        files->at = kit_realloc(files->at, files->room * sizeof(*files->at));
    }
    files->at[files->count++] = f;
}

static DIR *open_dir(int folder)
{
    const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL && fd >= 0) {
        close(fd);
    }
    return dir;
}

bool segment_files_list(int folder, journal_stream stream, segment_files *files)
{
    *files = (segment_files){.count = 0};
    DIR *dir = open_dir(folder);
    if (dir == NULL) {
        return false;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        add(folder, entry->d_name, stream, files);
    }
    closedir(dir);
    if (files->count > 0) {
        qsort(files->at, files->count, sizeof(*files->at), compare);
    }
    leave_twins_out(files);
    return true;
}

void segment_files_free(segment_files *files)
{
    free(files->at);
    *files = (segment_files){.count = 0};
}

static bool is_leftover(const char *name)
{
    static const char *const suffixes[] = {FOLDER_NEW, FOLDER_PART};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char whole[SEGMENT_NAME_SIZE + 8];
        segment_file f;
        const size_t size = strlen(name), end = strlen(suffixes[i]);
        if (size > end && strcmp(name + size - end, suffixes[i]) == 0) {
            snprintf(whole, sizeof(whole), "%.*s", (int)(size - end), name);
            return read_name(whole, JOURNAL_STREAM_JOURNAL, &f) ||
                   read_name(whole, JOURNAL_STREAM_REJECTIONS, &f);
        }
    }
    return false;
}

bool folder_remove_leftovers(int folder)
{
    DIR *dir = open_dir(folder);
    if (dir == NULL) {
        return false;
    }
    bool good = true;
    for (const struct dirent *entry; good && (entry = readdir(dir)) != NULL;) {
        good = !is_leftover(entry->d_name) || unlinkat(folder, entry->d_name, 0) == 0;
    }
    const int error = errno;
    closedir(dir);
    errno = error;
    return good;
}

/* Who administers the journal as root leaves nothing there that the daemon cannot open. */
static bool give_to_owner_of(int like, int fd)
{
    struct stat status;
    return geteuid() != 0 ||
           (fstat(like, &status) == 0 && fchown(fd, status.st_uid, status.st_gid) == 0);
}

/* The folder's owner could have put another's file there by a link. */
static bool is_ours_alone(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
}

int folder_make(int folder, const char *name, int like)
{
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT) {
        return -1;
    }
    const int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd >= 0 && !give_to_owner_of(like, fd)) {
        const int error = errno;
        close(fd);
        unlinkat(folder, name, 0);
        errno = error;
        return -1;
    }
    return fd;
}

int folder_lock(int folder, const char *name, bool wait)
{
    const int fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && is_ours_alone(fd)) {
        (void)!give_to_owner_of(folder, fd);
    }
    if (fd >= 0 && flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}
