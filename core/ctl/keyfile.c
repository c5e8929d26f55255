/* SPDX-License-Identifier: Apache-2.0 */
/* Changes the keyring file: a lock beside it, a new file with the changes, a rename. */
#include "ctl/keyfile.h"

#include "base/secret.h"
#include "base/write_all.h"
#include "ctl/output.h"
#include "peers/peers.h"

#include <cmp-kit/text.h>

#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char header[] =
    "# The keyring of cmpd, kept by \"cmpctl keys\". It holds secrets: mode 0600, and\n"
    "# no copy of it belongs anywhere else. Comments of your own are not kept.\n";

#define FRESH ".new"

/* Octets of the file; a buffer that grew by itself would leave its old places behind. */
#define EMIT_FIRST ((size_t)1 << 16)
#define EMIT_MOST  ((size_t)1 << 30)

/* Text that the document points into: libfyaml copies nothing of it, and wipes nothing. */
typedef struct wiped wiped;
struct wiped {
    wiped *next;
    size_t size;
    char at[];
};

struct keyfile {
    char *path;  /* where the file really is */
    char *fresh; /* the new one, for as long as it is beside the old one */
    char *folder;
    int lock;
    bool exists;
    struct stat status; /* when it exists */
    struct fy_document *document;
    wiped *texts;
};

static const char *const list_names[] = {
    [KEYFILE_ISSUED] = "issued", [KEYFILE_RECEIVED] = "received", [KEYFILE_TOKENS] = "tokens"};

/* ---- opening ---- */

/* A keyring behind a symbolic link is changed where it really is, so that the link stays. */
static void set_path(keyfile *k, const char *path)
{
    char real[PATH_MAX];
    k->path = kit_strdup(realpath(path, real) != NULL ? real : path);
    const size_t size = strlen(k->path) + sizeof(FRESH);
    k->fresh = kit_alloc(size);
    snprintf(k->fresh, size, "%s" FRESH, k->path);
    char *copy = kit_strdup(k->path);
    k->folder = kit_strdup(dirname(copy));
    free(copy);
    k->exists = stat(k->path, &k->status) == 0;
}

static void cannot_lock(const keyfile *k, const char *lock)
{
    if (errno == ENOENT) {
        output_fail("%s: the folder that it is to be in does not exist", k->path);
    } else {
        output_fail("%s: it cannot be locked by %s: %s", k->path, lock, strerror(errno));
    }
}

/* Not on the keyring itself, which is another file after every change: who waited for the old one
 * would then hold a lock on nothing. The lock's file stays, or two could lock different ones. */
static bool take_lock(keyfile *k)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s.lock", k->path);
    k->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (k->lock < 0) {
        cannot_lock(k, path);
        return false;
    }
    if (k->exists && geteuid() == 0) {
        /* The keyring's owner shall be able to lock it too. */
        (void)!fchown(k->lock, k->status.st_uid, k->status.st_gid);
    }
    while (flock(k->lock, LOCK_EX) != 0) {
        if (errno != EINTR) {
            cannot_lock(k, path);
            return false;
        }
    }
    return true;
}

static void count_key(const cmp_key *key, void *arg)
{
    (void)key;
    (*(size_t *)arg)++;
}

static bool peer_known(void *known, const char *name)
{
    return known == NULL || peers_find(known, cmp_str_from(name)) != NULL;
}

/* Whether the file is a good keyring, for these peers (NULL: for any), and how much there is in it.
 * A file that is not yet in its place is called by the name of the place, without lines. */
static bool check(const char *path, const char *place, const peers *known, size_t *count)
{
    cmp_report report;
    report_init(&report);
    keyring *ring = keyring_load(path, peer_known, (void *)(uintptr_t)known, &report);
    for (size_t i = 0; place != NULL && i < report.count; i++) {
        report.errors[i].place = (conf_place){.file = place};
    }
    output_fail_report(&report);
    report_dispose(&report);
    if (ring == NULL) {
        return false;
    }
    *count = keyring_tokens(ring)->count + (keyring_pseudonym_secret(ring).size > 0);
    keyring_each(ring, CMP_KEY_ISSUED, count_key, count);
    keyring_each(ring, CMP_KEY_RECEIVED, count_key, count);
    keyring_unref(&ring);
    return true;
}

static wiped *text_make(keyfile *k, size_t size)
{
    wiped *t = kit_alloc(sizeof(*t) + size);
    t->next = k->texts;
    t->size = size;
    k->texts = t;
    return t;
}

/* NULL when it cannot be read. */
static struct fy_document *build_from_file(keyfile *k, const struct fy_parse_cfg *config)
{
    const int fd = open(k->path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        return NULL;
    }
    wiped *t = text_make(k, (size_t)status.st_size);
    const ssize_t size = read(fd, t->at, t->size);
    close(fd);
    return size == (ssize_t)t->size ? fy_document_build_from_string(config, t->at, t->size) : NULL;
}

static bool read_document(keyfile *k)
{
    const struct fy_parse_cfg config = {.flags = FYPCF_QUIET};
    /* Only now, under the lock, is what is there the newest. */
    k->exists = stat(k->path, &k->status) == 0;
    if (!k->exists && errno != ENOENT) {
        output_fail("%s: %s", k->path, strerror(errno));
        return false;
    }
    size_t count = 0;
    /* Whosoever its keys are: what cmpd refuses of them may be what is to be taken out. */
    if (k->exists && !check(k->path, NULL, NULL, &count)) {
        return false;
    }
    /* A file with nothing in it (an empty one is no document for libfyaml) has nothing to keep. */
    k->document = count > 0 ? build_from_file(k, &config) : fy_document_create(&config);
    if (k->document == NULL) {
        output_fail("%s: it cannot be read", k->path);
        return false;
    }
    if (count == 0) {
        fy_document_set_root(k->document, fy_node_create_mapping(k->document));
    }
    return true;
}

keyfile *keyfile_open(const char *path)
{
    keyfile *k = kit_calloc(1, sizeof(*k));
    k->lock = -1;
    set_path(k, path);
    if (!take_lock(k)) {
        keyfile_close(&k);
        return NULL;
    }
    unlink(k->fresh); /* of somebody who was killed in a very bad moment: secrets, for nobody */
    if (!read_document(k)) {
        keyfile_close(&k);
    }
    return k;
}

static void texts_wipe(keyfile *k)
{
    while (k->texts != NULL) {
        wiped *t = k->texts;
        k->texts = t->next;
        secret_wipe(t->at, t->size);
        free(t);
    }
}

void keyfile_close(keyfile **k)
{
    if (*k == NULL) {
        return;
    }
    fy_document_destroy((*k)->document);
    texts_wipe(*k);
    if ((*k)->lock >= 0) {
        close((*k)->lock);
    }
    free((*k)->path);
    free((*k)->fresh);
    free((*k)->folder);
    free(*k);
    *k = NULL;
}

/* ---- entries ---- */

static struct fy_node *list_of(keyfile *k, keyfile_list list)
{
    struct fy_node *node =
        fy_node_mapping_lookup_by_string(fy_document_root(k->document), list_names[list], FY_NT);
    return node != NULL && fy_node_is_sequence(node) ? node : NULL;
}

static struct fy_node *key_node(keyfile *k, const char *name)
{
    return fy_node_create_scalar_copy(k->document, name, FY_NT);
}

/* JSON's quotes are YAML's too, and keep a text from being taken for something else. */
static size_t quote(const char *value, char *to)
{
    char *const begin = to;
    *to++ = '"';
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20) {
            to += sprintf(to, "\\u%04x", (unsigned)*c);
            continue;
        }
        if (*c == '"' || *c == '\\') {
            *to++ = '\\';
        }
        *to++ = *c;
    }
    *to++ = '"';
    return (size_t)(to - begin);
}

static struct fy_node *value_node(keyfile *k, const keyfile_member *member)
{
    const size_t size = strlen(member->value);
    wiped *t = text_make(k, 6 * size + 2); /* an octet takes six at most */
    size_t written = size;
    if (member->word) {
        memcpy(t->at, member->value, size);
    } else {
        written = quote(member->value, t->at);
    }
    return fy_node_build_from_string(k->document, t->at, written);
}

keyfile_entry *keyfile_find(keyfile *k, keyfile_list list, const char *id, const char *whose,
                            bool *several)
{
    const char *member = list == KEYFILE_TOKENS ? "name" : "id";
    struct fy_node *node = list_of(k, list), *entry, *found = NULL;
    *several = false;
    for (void *at = NULL; node != NULL && (entry = fy_node_sequence_iterate(node, &at)) != NULL;) {
        if (cmp_str_equal(keyfile_get(entry, member), cmp_str_from(id)) &&
            (whose == NULL || cmp_str_equal(keyfile_get(entry, "peer"), cmp_str_from(whose)))) {
            *several = found != NULL;
            found = found != NULL ? found : entry;
        }
    }
    return found;
}

cmp_str keyfile_get(keyfile_entry *entry, const char *name)
{
    size_t size = 0;
    const char *text = fy_node_mapping_lookup_scalar_by_simple_key(entry, &size, name, FY_NT);
    return text != NULL ? (cmp_str){text, size} : CMP_NONE;
}

void keyfile_set(keyfile *k, keyfile_entry *entry, const keyfile_member *member)
{
    struct fy_node_pair *pair = fy_node_mapping_lookup_pair_by_string(entry, member->name, FY_NT);
    if (pair != NULL) {
        fy_node_pair_set_value(pair, value_node(k, member)); /* frees the old one */
    } else {
        fy_node_mapping_append(entry, key_node(k, member->name), value_node(k, member));
    }
}

static bool are_utf8(const keyfile *k, const keyfile_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (members[i].value != NULL && !kit_utf8_valid(cmp_str_from(members[i].value))) {
            output_fail("%s: %s: what was given is no UTF-8", k->path, members[i].name);
            return false;
        }
    }
    return true;
}

bool keyfile_add(keyfile *k, keyfile_list list, const keyfile_member *members, size_t count)
{
    if (!are_utf8(k, members, count)) {
        return false;
    }
    struct fy_node *node = list_of(k, list);
    if (node == NULL) {
        node = fy_node_create_sequence(k->document);
        fy_node_mapping_append(fy_document_root(k->document), key_node(k, list_names[list]), node);
    }
    struct fy_node *entry = fy_node_create_mapping(k->document);
    for (size_t i = 0; i < count; i++) {
        if (members[i].value != NULL) {
            fy_node_mapping_append(entry, key_node(k, members[i].name), value_node(k, &members[i]));
        }
    }
    fy_node_sequence_append(node, entry);
    return true;
}

void keyfile_remove(keyfile *k, keyfile_list list, keyfile_entry *entry)
{
    fy_node_free(fy_node_sequence_remove(list_of(k, list), entry));
}

/* ---- saving ---- */

/* Owner and content, down to the disk. The owner before the content: for as long as there is a
 * secret in it the file belongs to whom it is meant for. fsync before the rename, or a crash might
 * leave an empty file under the keyring's name. */
static bool fill(const keyfile *k, int fd, const char *text)
{
    const bool other_owner =
        k->exists && (k->status.st_uid != geteuid() || k->status.st_gid != getegid());
    if (other_owner && fchown(fd, k->status.st_uid, k->status.st_gid) != 0) {
        return false;
    }
    return write_all(fd, header, sizeof(header) - 1) && write_all(fd, text, strlen(text)) &&
           fsync(fd) == 0;
}

/* Now the rename is on the disk as well. When that cannot be had, nothing is wrong that could be
 * told. */
static void sync_folder(const keyfile *k)
{
    const int fd = open(k->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* In the same folder, for a rename does not cross file systems; without a name where the file
 * system can do that, so that who is killed leaves no copy of the secrets. Mode 0600. */
static int open_nameless(const keyfile *k, bool *has_name)
{
    const int fd = open(k->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    *has_name = fd < 0;
    return fd >= 0 ? fd : open(k->fresh, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* A nameless file can get a name, but not one that is taken: so it is named and renamed. */
static bool put_in_place(const keyfile *k, const char *path, bool has_name)
{
    return (has_name || linkat(AT_FDCWD, path, AT_FDCWD, k->fresh, AT_SYMLINK_FOLLOW) == 0) &&
           rename(k->fresh, k->path) == 0;
}

/* What was written is read once more as cmpd would read it: it must never find a keyring that it
 * refuses. */
static bool write_and_place(const keyfile *k, const char *text, const peers *known)
{
    char path[32];
    bool has_name;
    const int fd = open_nameless(k, &has_name);
    if (fd < 0) {
        output_fail("%s: no file can be made: %s", k->folder, strerror(errno));
        return false;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    size_t count;
    bool done = fill(k, fd, text);
    if (!done) {
        output_fail("%s: %s", k->fresh, strerror(errno));
    } else if (!check(path, k->path, known, &count)) {
        done = false;
    } else if (!put_in_place(k, path, has_name)) {
        output_fail("%s: %s", k->path, strerror(errno));
        done = false;
    }
    close(fd);
    if (!done) {
        unlink(k->fresh);
    }
    return done;
}

/* Signals wait until the secrets are in one place again. */
static bool replace(const keyfile *k, const char *text, const peers *known)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    const bool done = write_and_place(k, text, known);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (done) {
        sync_folder(k);
    }
    return done;
}

bool keyfile_save(keyfile *k, const peers *known)
{
    const enum fy_emitter_cfg_flags flags = FYECF_MODE_BLOCK | FYECF_INDENT_2 | FYECF_WIDTH_INF;
    for (size_t room = EMIT_FIRST; room <= EMIT_MOST; room *= 4) {
        char *at = text_make(k, room)->at;
        const int size = fy_emit_document_to_buffer(k->document, flags, at, room - 1);
        if (size >= 0 && (size_t)size < room - 1) {
            at[size] = '\0';
            return replace(k, at, known);
        }
    }
    output_fail("%s: it cannot be written as YAML", k->path);
    return false;
}
