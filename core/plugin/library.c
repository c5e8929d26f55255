/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a plugin's file; see library.h. Between loader.c, which finds it, and descriptor.c, which
 * reads it. */
#include "plugin/library.h"

#include "base/running.h"
#include "plugin/probe.h"

#include <cmp-kit/file.h>
#include <cmp-kit/memory.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <ltdl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct library {
    lt_dlhandle handle;
    descriptor descriptor;
    char *path;
    kit_file_mark mark;
};

typedef struct opening {
    const char *path, *name;
    uint32_t services;
    library_trust trust;
    char *error;
    size_t error_size;
} opening;

static bool wrong(const opening *o, const char *format, ...) CMP_PRINTF(2, 3);

static bool wrong(const opening *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int used = snprintf(o->error, o->error_size, "%s: ", o->path);
    if (used > 0 && (size_t)used < o->error_size) {
        vsnprintf(o->error + used, o->error_size - (size_t)used, format, args);
    }
    va_end(args);
    return false;
}

/* ---- whose file it is ---- */

/* A umask of 002 lets a user's own group write: that is the user, where every user has a group of
 * its own (Debian's default). */
static bool others_write(const struct stat *file)
{
    if ((file->st_mode & S_IWOTH) != 0) {
        return true;
    }
    const struct passwd *owner = getpwuid(file->st_uid);
    return (file->st_mode & S_IWGRP) != 0 && (owner == NULL || owner->pw_gid != file->st_gid);
}

/* Whoever can write the file runs as the daemon, with all its keys. So it has to be root's or our
 * own, and so has the folder, in which another file could take its place. */
static bool is_guarded(const opening *o, const char *what, const struct stat *file)
{
    if (file->st_uid != 0 && file->st_uid != geteuid()) {
        return wrong(o, "refused: %s belongs to user %u, neither to root nor to us", what,
                     (unsigned)file->st_uid);
    }
    if (others_write(file)) {
        return wrong(o, "refused: %s can be written by others (mode %03o)", what,
                     (unsigned)(file->st_mode & 0777));
    }
    return true;
}

static bool folder_guarded(const opening *o)
{
    char folder[4096];
    struct stat status;
    snprintf(folder, sizeof(folder), "%s", o->path);
    if (stat(dirname(folder), &status) != 0) {
        return wrong(o, "its folder cannot be looked at: %s", strerror(errno));
    }
    return is_guarded(o, "its folder", &status);
}

/* A FIFO of that name would be waited for, and a device read. */
static bool check_file(const opening *o)
{
    const int fd = open(o->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (fd < 0) {
        return wrong(o, "cannot be opened: %s", strerror(errno));
    }
    const bool known = fstat(fd, &status) == 0;
    close(fd);
    if (!known || !S_ISREG(status.st_mode)) {
        return wrong(o, "is no regular file");
    }
    return o->trust == LIBRARY_ANY || (is_guarded(o, "the file", &status) && folder_guarded(o));
}

bool library_file_good(const char *path, library_trust trust, char *error, size_t error_size)
{
    const opening o = {.path = path, .trust = trust, .error = error, .error_size = error_size};
    return check_file(&o);
}

/* ---- opening it ---- */

/* Locally, so that two plugins with a function of one name each keep their own. */
static lt_dlhandle open_local(const char *path)
{
    lt_dladvise advise;
    if (lt_dladvise_init(&advise) != 0) {
        return NULL;
    }
    lt_dladvise_local(&advise);
    lt_dlhandle handle = lt_dlopenadvise(path, advise);
    lt_dladvise_destroy(&advise);
    return handle;
}

/* libltdl binds lazily, so that a missing symbol would end the process at the first request; and it
 * keeps the dynamic linker's reason to itself. So all is bound before it opens the file. */
static bool bind_all(const opening *o, lt_dlhandle *handle)
{
    void *bound = dlopen(o->path, RTLD_NOW | RTLD_LOCAL);
    if (bound == NULL) {
        const char *reason = dlerror();
        const size_t size = strlen(o->path);
        const bool repeats = strncmp(reason, o->path, size) == 0 && reason[size] == ':';
        return wrong(o, "cannot be loaded:%s%s", repeats ? "" : " ",
                     repeats ? reason + size + 1 : reason);
    }
    *handle = open_local(o->path);
    dlclose(bound); /* libltdl holds it now */
    return *handle != NULL || wrong(o, "cannot be loaded: %s", lt_dlerror());
}

static library *open_here(const opening *o)
{
    lt_dlhandle handle = NULL;
    if (!bind_all(o, &handle)) {
        return NULL;
    }
    library *lib = kit_calloc(1, sizeof(*lib));
    lib->handle = handle;
    lib->path = kit_strdup(o->path);
    lib->mark = kit_file_mark_of(o->path);
    char why[512];
    const cmp_plugin *theirs = lt_dlsym(handle, CMP_PLUGIN_SYMBOL);
    if (theirs == NULL) {
        wrong(o, "is no cmpd plugin: symbol %s not found", CMP_PLUGIN_SYMBOL);
    } else if (!descriptor_read(&lib->descriptor, theirs, o->name, o->services, why, sizeof(why))) {
        wrong(o, "refused: %s", why);
    } else {
        return lib;
    }
    library_close(&lib);
    return NULL;
}

/* The child's copy goes with the child; it is closed all the same, for closing runs code of the
 * plugin's, too. */
static bool open_there(void *arg)
{
    library *lib = open_here(arg);
    const bool good = lib != NULL;
    library_close(&lib);
    return good;
}

/* Twice: constructors run before anything can be checked, and may crash or hang. So a child goes
 * first, and what has killed it never comes into the process. */
library *library_open(const char *path, const char *name, uint32_t services, library_trust trust,
                      char *error, size_t error_size)
{
    opening o = {path, name, services, trust, error, error_size};
    char why[128];
    if (!check_file(&o)) {
        return NULL;
    }
    const running_owner *running = running_owner_of(NULL, name);
    switch (probe_run(open_there, &o, error, error_size, why, sizeof(why))) {
    case PROBE_GOOD: {
        const uintptr_t before = running_enter(&running->at[RUNNING_LOADING]);
        library *lib = open_here(&o);
        running_leave(before);
        return lib;
    }
    case PROBE_BAD:
        break;
    case PROBE_DIED:
        wrong(&o, "loading it %s", why);
        break;
    }
    return NULL;
}

/* The descriptor's copy first: texts and functions in it are the library's. */
void library_close(library **lib)
{
    if (*lib != NULL) {
        descriptor_dispose(&(*lib)->descriptor);
        lt_dlclose((*lib)->handle);
        free((*lib)->path);
        free(*lib);
        *lib = NULL;
    }
}

const cmp_plugin *library_plugin(const library *lib)
{
    return &lib->descriptor.plugin;
}

const char *library_changed(const library *lib)
{
    const kit_file_mark now = kit_file_mark_of(lib->path);
    return kit_file_mark_equal(&now, &lib->mark) ? NULL : lib->path;
}
