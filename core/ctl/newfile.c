/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to a file of another name in the same folder, and renames it in the end. */
#include "ctl/newfile.h"

#include "ctl/output.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)1 << 20)

struct newfile {
    char *path;      /* where the file really is */
    char *temporary; /* NULL: written as it is */
    FILE *stream;
};

/* The umask can only be read by setting it. Nothing else makes a file meanwhile. */
static mode_t mode_of_new_files(void)
{
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* Mode of the old file, and its owner when we may give files away. mkostemp has made it 0600; a new
 * file gets the mode that any program would give it, and an old one keeps its own. */
static bool dress(int fd, const struct stat *old)
{
    if (old == NULL) {
        return fchmod(fd, mode_of_new_files()) == 0;
    }
    if (geteuid() == 0 && fchown(fd, old->st_uid, old->st_gid) != 0) {
        return false;
    }
    return fchmod(fd, old->st_mode & 07777) == 0;
}

static FILE *open_temporary(newfile *f, const struct stat *old)
{
    const size_t size = strlen(f->path) + 8;
    f->temporary = kit_alloc(size);
    snprintf(f->temporary, size, "%s.XXXXXX", f->path);
    const int fd = mkostemp(f->temporary, O_CLOEXEC);
    if (fd < 0) {
        free(f->temporary);
        f->temporary = NULL;
        return NULL;
    }
    FILE *stream = dress(fd, old) ? fdopen(fd, "w") : NULL;
    if (stream == NULL) {
        close(fd);
    }
    return stream;
}

/* A device or a FIFO is written to as it is: it could not be replaced by a file, and nobody means
 * that. */
static FILE *open_stream(newfile *f)
{
    struct stat status;
    if (strcmp(f->path, "-") == 0) {
        return stdout;
    }
    if (stat(f->path, &status) != 0) {
        return errno == ENOENT ? open_temporary(f, NULL) : NULL;
    }
    return S_ISREG(status.st_mode) ? open_temporary(f, &status) : fopen(f->path, "we");
}

newfile *newfile_open(const char *path)
{
    char real[PATH_MAX];
    newfile *f = kit_calloc(1, sizeof(*f));
    f->path = kit_strdup(realpath(path, real) != NULL ? real : path); /* a link shall stay one */
    f->stream = open_stream(f);
    if (f->stream == NULL) {
        output_fail("%s: %s", path, strerror(errno));
        newfile_discard(&f);
        return NULL;
    }
    setvbuf(f->stream, NULL, _IOFBF, BUFFER_SIZE);
    return f;
}

FILE *newfile_stream(const newfile *f)
{
    return f->stream;
}

/* fsync before the rename: the new file must not be there before its content is. */
bool newfile_commit(newfile **ref)
{
    newfile *f = *ref;
    bool good = fflush(f->stream) == 0 && ferror(f->stream) == 0;
    good = good && (f->temporary == NULL || fsync(fileno(f->stream)) == 0);
    if (f->stream != stdout) {
        good = fclose(f->stream) == 0 && good;
        f->stream = NULL;
    }
    if (good && f->temporary != NULL) {
        good = rename(f->temporary, f->path) == 0;
    }
    if (!good) {
        output_fail("%s: %s", f->path, strerror(errno));
    } else {
        free(f->temporary);
        f->temporary = NULL;
    }
    newfile_discard(ref);
    return good;
}

void newfile_discard(newfile **ref)
{
    newfile *f = *ref;
    if (f == NULL) {
        return;
    }
    if (f->stream != NULL && f->stream != stdout) {
        fclose(f->stream);
    }
    if (f->temporary != NULL) {
        unlink(f->temporary);
        free(f->temporary);
    }
    free(f->path);
    free(f);
    *ref = NULL;
}
