/* SPDX-License-Identifier: Apache-2.0 */
/* See indirect.h. */
#include "conf/indirect.h"

#include "base/secret.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE_MAX 128
#define FILE_SIZE_MAX 65536

/* ---- the environment ---- */

static bool in_name(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* The octets of a name at the beginning of a text, when a brace ends it; 0: it is none. */
static size_t name_size(cmp_str text)
{
    size_t size = 0;
    while (size < text.size && in_name(text.at[size], size == 0)) {
        size++;
    }
    return size < text.size && size <= NAME_SIZE_MAX && text.at[size] == '}' ? size : 0;
}

static const char *value_of(cmp_str name, kit_arena *memory, const char **hint)
{
    const char *text = kit_arena_text(memory, name);
    const char *value = getenv(text);
    if (value == NULL) {
        *hint = kit_arena_printf(memory, "the environment has no %s", text);
    }
    return value;
}

static bool begins_with(cmp_str text, const char *head)
{
    return text.size >= strlen(head) && memcmp(text.at, head, strlen(head)) == 0;
}

/* What is put into the text is not looked into again. `to` is NULL in the first round, which finds
 * the size. False after *hint was filled. */
static bool expand(cmp_str text, char *to, size_t *size, kit_arena *memory, const char **hint)
{
    *size = 0;
    while (text.size > 0) {
        const char *from = text.at;
        size_t taken = 1, used = 1;
        if (begins_with(text, "$${")) {
            from++;
            taken = 3;
            used = 2;
        } else if (begins_with(text, "${")) {
            const cmp_str name = {text.at + 2, name_size((cmp_str){text.at + 2, text.size - 2})};
            if (name.size == 0) {
                *hint =
                    "an environment variable is written ${NAME}, of A-Z, 0-9 and _; for ${ itself "
                    "write $${";
                return false;
            }
            from = value_of(name, memory, hint);
            if (from == NULL) {
                return false;
            }
            taken = name.size + 3;
            used = strlen(from);
        }
        if (to != NULL) {
            memcpy(to + *size, from, used);
        }
        *size += used;
        text.at += taken;
        text.size -= taken;
    }
    return true;
}

char *indirect_expand(cmp_str text, kit_arena *memory, const char **hint)
{
    size_t size;
    if (!expand(text, NULL, &size, memory, hint)) {
        return NULL;
    }
    char *whole = kit_alloc(size + 1);
    if (!expand(text, whole, &size, memory, hint)) {
        free(whole);
        return NULL;
    }
    whole[size] = '\0';
    return whole;
}

/* ---- files ---- */

/* systemd lets the service's user in by an access list, whose mask shows as the group's right. */
static bool is_credential(const char *path)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    const size_t size = folder != NULL ? strlen(folder) : 0;
    return size > 0 && strncmp(path, folder, size) == 0 && path[size] == '/';
}

static const char *refusal(int fd, const char *path, kit_arena *memory)
{
    struct stat status;
    const mode_t closed = is_credential(path) ? 037 : 077;
    if (fd < 0 || fstat(fd, &status) != 0) {
        return kit_arena_printf(memory, "%s cannot be read: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return kit_arena_printf(memory, "%s is no regular file", path);
    }
    if ((status.st_mode & closed) != 0) {
        return kit_arena_printf(memory, "%s is open to others (mode %04o): run chmod 600 %s", path,
                                (unsigned)status.st_mode & 07777, path);
    }
    return NULL;
}

char *indirect_read(const char *path, kit_arena *memory, const char **hint)
{
    char text[FILE_SIZE_MAX + 1];
    /* The descriptor is asked, not the path: what was judged is what is read. Never wait for a
     * pipe. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *hint = refusal(fd, path, memory);
    ssize_t size = *hint == NULL ? read(fd, text, sizeof(text)) : -1;
    if (fd >= 0) {
        close(fd);
    }
    char *secret = NULL;
    if (*hint == NULL && (size < 0 || size > FILE_SIZE_MAX)) {
        *hint = kit_arena_printf(memory, "%s cannot be read: %s", path,
                                 strerror(size < 0 ? errno : EFBIG));
    } else if (*hint == NULL) {
        size -= size > 0 && text[size - 1] == '\n';
        if (memchr(text, '\0', (size_t)size) != NULL) {
            *hint = kit_arena_printf(memory, "%s holds no text", path);
        } else {
            secret = kit_alloc((size_t)size + 1);
            memcpy(secret, text, (size_t)size);
            secret[size] = '\0';
        }
    }
    secret_wipe(text, sizeof(text));
    return secret;
}
