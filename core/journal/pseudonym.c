/* SPDX-License-Identifier: Apache-2.0 */
/* See pseudonym.h. */
#include "journal/pseudonym.h"

#include "base/secret.h"
#include "journal/folder.h"
#include "journal/octets.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE 64
#define TEXT_SIZE 128

void pseudonym_make(const pseudonym_key *key, journal_personal of, cmp_str value,
                    uint8_t to[JOURNAL_PSEUDONYM_SIZE])
{
    octets_put64(to, siphash_end(&key->begun[of], (const uint8_t *)value.at, value.size));
}

static void begin_all(pseudonym_key *key)
{
    for (int i = 0; i < JOURNAL_PERSONAL_MAX; i++) {
        uint8_t name[8] = {0};
        memcpy(name, journal_personal_names[i], strlen(journal_personal_names[i]));
        key->begun[i] = siphash_begin(key->octets, name);
    }
}

/* ---- files ---- */

static void name_of(const pseudonym_key *key, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, FOLDER_KEYS "/%08x.key", key->id);
}

/* "FROM UNTIL KEY": two Unix times in milliseconds, and hexadecimal digits. */
static bool parse(char *text, pseudonym_key *key)
{
    char *until = text, *hex = text;
    key->from_ms = strtoll(text, &until, 10);
    key->until_ms = strtoll(until, &hex, 10);
    if (until == text || hex == until || *hex != ' ') {
        return false;
    }
    hex++;
    if (!kit_hex_decode((cmp_str){hex, strcspn(hex, "\n")}, key->octets, PSEUDONYM_KEY_SIZE)) {
        return false;
    }
    begin_all(key);
    return true;
}

static bool read_key(int folder, const char *file, pseudonym_key *key)
{
    char text[TEXT_SIZE] = "";
    uint8_t id[4];
    if (strlen(file) != 12 || strcmp(file + 8, ".key") != 0 ||
        !kit_hex_decode((cmp_str){file, 8}, id, sizeof(id))) {
        return false;
    }
    key->id = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    const int fd = openat(folder, file, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    const bool good = got > 0 && parse(text, key);
    secret_wipe(text, sizeof(text));
    return good;
}

bool pseudonym_keys_read(int folder, pseudonym_keys *keys)
{
    *keys = (pseudonym_keys){.count = 0};
    const int fd = openat(folder, FOLDER_KEYS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT;
    }
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return false;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        pseudonym_key key;
        if (read_key(fd, entry->d_name, &key)) {
            keys->at = kit_realloc(keys->at, (keys->count + 1) * sizeof(*keys->at));
            keys->at[keys->count++] = key;
        }
    }
    closedir(dir);
    return true;
}

void pseudonym_keys_free(pseudonym_keys *keys)
{
    if (keys->at != NULL) {
        secret_wipe(keys->at, keys->count * sizeof(*keys->at));
    }
    free(keys->at);
    *keys = (pseudonym_keys){.count = 0};
}

/* That a key is there, or is not any more, is on the disk as well. */
static bool sync_names(int folder)
{
    const int fd = openat(folder, FOLDER_KEYS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool good = fd >= 0 && fsync(fd) == 0;
    const int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return good;
}

static bool write_key(int folder, const pseudonym_key *key)
{
    char name[NAME_SIZE], hex[2 * PSEUDONYM_KEY_SIZE], text[TEXT_SIZE];
    name_of(key, name);
    kit_hex_encode(key->octets, PSEUDONYM_KEY_SIZE, hex);
    const int size = snprintf(text, sizeof(text), "%lld %lld %.*s\n", (long long)key->from_ms,
                              (long long)key->until_ms, (int)sizeof(hex), hex);
    const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const bool good =
        fd >= 0 && write(fd, text, (size_t)size) == size && fsync(fd) == 0 && sync_names(folder);
    const int error = errno;
    if (fd >= 0) {
        close(fd);
        if (!good) {
            unlinkat(folder, name, 0);
        }
    }
    secret_wipe(hex, sizeof(hex));
    secret_wipe(text, sizeof(text));
    errno = error;
    return good;
}

bool pseudonym_key_make(int folder, int64_t now_ms, int64_t period_ms, pseudonym_key *key)
{
    const bool made = mkdirat(folder, FOLDER_KEYS, 0700) == 0;
    if ((made && fsync(folder) != 0) || (!made && errno != EEXIST)) {
        return false;
    }
    const int64_t from_ms = now_ms - now_ms % period_ms;
    *key = (pseudonym_key){.from_ms = from_ms, .until_ms = from_ms + period_ms};
    if (getrandom(&key->id, sizeof(key->id), 0) != (ssize_t)sizeof(key->id) ||
        getrandom(key->octets, sizeof(key->octets), 0) != (ssize_t)sizeof(key->octets)) {
        return false;
    }
    begin_all(key);
    return write_key(folder, key);
}

bool pseudonym_key_kept(int folder, const pseudonym_key *key)
{
    char name[NAME_SIZE];
    name_of(key, name);
    return faccessat(folder, name, F_OK, 0) == 0;
}

bool pseudonym_key_destroy(int folder, const pseudonym_key *key)
{
    static const char nothing[TEXT_SIZE];
    char name[NAME_SIZE];
    name_of(key, name);
    const int fd = openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        if (write(fd, nothing, sizeof(nothing)) > 0) {
            fsync(fd);
        }
        close(fd);
    }
    if (unlinkat(folder, name, 0) != 0) {
        return errno == ENOENT;
    }
    return sync_names(folder);
}
