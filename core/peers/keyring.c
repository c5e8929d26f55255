/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the keyring: the credentials by which requests between two CMPs are signed (9.3.2).
 *
 * A secret is at three places while the file is read: in the file's text, in the structs that the
 * rows fill, and in the key. The first two are wiped before keyring_load returns. */
#include "peers/keyring.h"

#include "base/hash.h"
#include "base/labels.h"
#include "base/secret.h"
#include "conf/schema.h"

#include <cmp-kit/keys.h>
#include <cmp-kit/text.h>
#include <cmp-kit/times.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* 128 bits: an HMAC with less of a key could be tried out by whoever has seen one signed
 * request. */
#define SECRET_SIZE_MIN 16
#define KEY_ID_SIZE_MAX 128 /* as `apikeyid` may have */

const char *const key_hash_names[] = {[CMP_HASH_SHA256] = "sha256",
                                      [CMP_HASH_SHA1] = "sha1",
                                      [CMP_HASH_SHA384] = "sha384",
                                      [CMP_HASH_SHA512] = "sha512",
                                      NULL};
const char *const key_encoding_names[] = {
    [CMP_ENCODING_HEX] = "hex", [CMP_ENCODING_BASE64] = "base64", NULL};
const char *const key_tid_format_names[] = {
    [CMP_TID_ANY] = "any", [CMP_TID_UUID] = "uuid", [CMP_TID_UUIDV7] = "uuidv7", NULL};
static const char *const repeat_names[] = {"refuse", "identical", NULL};

struct keyring {
    atomic_uint shares;
    kit_file_mark mark;
    int64_t good_from_ms, good_until_ms; /* see keyring_is_over */
    kit_arena memory;                    /* of everything but the secrets */
    cmp_key *keys;
    unsigned *labels; /* of the keys: their last use is noted by these (base/labels.h) */
    size_t count;
    tokens tokens;
    uint8_t *pseudonym_secret;
    size_t pseudonym_secret_size;
};

/* ---- the rows ---- */

typedef struct entry {
    const char *id, *peer;
    const char *secret, *secret_hex, *secret_base64;
    int hash, encoding, tid_format, repeat;
    int64_t max_skew_ms;
    const char *not_before, *not_after;
} entry;

typedef struct ring_file {
    cmp_rows issued, received; /* entry */
    cmp_rows tokens;           /* token_row */
    const char *pseudonym_secret;
} ring_file;

/* Of keys of both uses. */
#define COMMON_ROWS                                                                                \
    CMP_ROW("id", STRING, entry, id, "apikeyid", CMP_REQUIRED, CMP_RANGE(1, KEY_ID_SIZE_MAX)),     \
        CMP_ROW("peer", STRING, entry, peer, "whose key it is", CMP_REQUIRED),                     \
        CMP_ROW("secret", SECRET, entry, secret, "apikey: the octets of this text"),               \
        CMP_ROW("secret_hex", SECRET, entry, secret_hex, "apikey, in hex"),                        \
        CMP_ROW("secret_base64", SECRET, entry, secret_base64, "apikey, in base64"),               \
        CMP_ROW_ENUM("hash", entry, hash, key_hash_names, "hash of the HMAC",                      \
                     CMP_DEFAULT("sha256")),                                                       \
        CMP_ROW("not_before", STRING, entry, not_before, "when the key begins to be good"),        \
        CMP_ROW("not_after", STRING, entry, not_after, "when it ends to be good")

CMP_OPTIONS(issued_rows, entry) = {
    COMMON_ROWS,
    CMP_ROW_ENUM("tid_format", entry, tid_format, key_tid_format_names,
                 "the form that the peer's tids must have", CMP_DEFAULT("any")),
    CMP_ROW("max_skew", DURATION, entry, max_skew_ms, "how old or new the time in a uuidv7 may be",
            CMP_RANGE(KEY_SKEW_LEAST_MS, KEY_SKEW_MOST_MS)),
    CMP_ROW_ENUM("repeat", entry, repeat, repeat_names,
                 "what an identical repeat of a request meets", CMP_DEFAULT("refuse")),
    CMP_OPTION_END,
};

CMP_OPTIONS(received_rows, entry) = {
    COMMON_ROWS,
    CMP_ROW_ENUM("encoding", entry, encoding, key_encoding_names, "how our signatures are written",
                 CMP_DEFAULT("hex")),
    CMP_OPTION_END,
};

CMP_OPTIONS(ring_rows, ring_file) = {
    CMP_ROW_ROWS("issued", ring_file, issued, issued_rows, "keys that we gave to peers"),
    CMP_ROW_ROWS("received", ring_file, received, received_rows, "keys that peers gave to us"),
    CMP_ROW_ROWS("tokens", ring_file, tokens, token_rows, "tokens of the interface codes"),
    CMP_ROW("pseudonym_secret", SECRET, ring_file, pseudonym_secret,
            "for pseudonyms of users that are withheld from a peer"),
    CMP_OPTION_END,
};

/* ---- from an entry to a key ---- */

typedef struct load {
    keyring *ring;
    const yaml_file *file;
    bool (*peer_known)(void *arg, const char *name);
    void *arg;
    cmp_report *report;
    const char *path; /* of the entry at hand */
    uint32_t *slots;  /* a hash table by ids: the key's place and one, 0 for none */
    size_t mask;
} load;

/* An error about a member of the entry at hand; NULL: about the entry. */
static void wrong(const load *l, const char *member, const char *text)
{
    const char *path =
        member == NULL ? l->path : kit_arena_printf(&l->report->memory, "%s.%s", l->path, member);
    report_add(l->report, yaml_place_of(l->file, path), path, "%s", text);
}

/* One such key has the whole keyring refused: both ways out are told. The command is for a shell,
 * and the id may be a peer's choice. */
static void wrong_peer(const load *l, const entry *e)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *text = "there is no such peer: it has to be under peers before its keys are here";
    if (e->id != NULL && e->id[strspn(e->id, plain)] == '\0') {
        text = kit_arena_printf(&l->report->memory,
                                "%s; cmpctl keys revoke --keys %s --id %s --delete takes this out",
                                text, yaml_place_of(l->file, "").file, e->id);
    }
    wrong(l, "peer", text);
}

/* Decodes hex or base64 into `to`, which has room for any text of that size. */
static bool decode(const char *member, cmp_str text, uint8_t *to, size_t *size)
{
    if (strcmp(member, "secret") == 0) {
        memcpy(to, text.at, text.size);
        *size = text.size;
        return true;
    }
    if (strcmp(member, "secret_hex") == 0) {
        *size = text.size / 2;
        return text.size % 2 == 0 && kit_hex_decode(text, to, *size);
    }
    const ptrdiff_t decoded = kit_base64_decode(text, to, text.size);
    *size = decoded >= 0 ? (size_t)decoded : 0;
    return decoded >= 0;
}

/* `octets` is a fourth place of the secret, for the time of this function. */
static void set_secret(const load *l, const char *member, const char *text, cmp_key *key)
{
    const cmp_str from = cmp_str_from(text);
    uint8_t *octets = kit_alloc(from.size);
    size_t size = 0;
    if (!decode(member, from, octets, &size)) {
        wrong(l, member,
              strcmp(member, "secret_hex") == 0 ? "expected hexadecimal digits, two an octet"
                                                : "expected base64");
    } else if (size < SECRET_SIZE_MIN) {
        wrong(l, member, "too short: a secret has at least 16 octets");
    } else {
        key->secret = secret_copy(octets, size);
        key->secret_size = size;
    }
    secret_wipe(octets, from.size);
    free(octets);
}

/* Whether the entry has a member at all; one of a wrong type was reported before. */
static bool is_given(const load *l, const char *member)
{
    const char *path = kit_arena_printf(&l->report->memory, "%s.%s", l->path, member);
    return yaml_find(l->file, path, false) != NULL;
}

static void choose_secret(const load *l, const entry *e, cmp_key *key)
{
    const struct {
        const char *member, *text;
    } given[] = {{"secret", e->secret},
                 {"secret_hex", e->secret_hex},
                 {"secret_base64", e->secret_base64}};
    size_t found = 0, count = 0;
    for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
        if (given[i].text != NULL) {
            found = i;
            count++;
        }
    }
    if (count == 0 &&
        (is_given(l, "secret") || is_given(l, "secret_hex") || is_given(l, "secret_base64"))) {
        return;
    }
    if (count != 1) {
        wrong(l, NULL, "exactly one of secret, secret_hex, secret_base64 is needed");
        return;
    }
    set_secret(l, given[found].member, given[found].text, key);
}

static int64_t time_of(const load *l, const char *member, const char *text, int64_t otherwise)
{
    int64_t ms = otherwise;
    if (text != NULL && !kit_time_parse(cmp_str_from(text), &ms)) {
        wrong(l, member, "expected a time such as 2027-01-01T00:00:00Z (RFC 3339)");
        return otherwise;
    }
    return ms;
}

/* At most half full. */
static void make_slots(load *l, size_t count)
{
    size_t slots = 4;
    while (slots < 2 * count) {
        slots *= 2;
    }
    l->mask = slots - 1;
    l->slots = kit_arena_calloc(&l->ring->memory, slots, sizeof(*l->slots));
}

/* `apikeyid` has to name one key of whoever has made it up: of ours, or of one peer. What two peers
 * call the same is two keys. */
static bool same_id(const cmp_key *a, const cmp_key *b)
{
    return a->use == b->use && cmp_str_equal(a->id, b->id) &&
           (a->use == CMP_KEY_ISSUED || cmp_str_equal(a->peer, b->peer));
}

static void check_double(const load *l, const cmp_key *key)
{
    const bool issued = key->use == CMP_KEY_ISSUED;
    if (key->id.at == NULL) {
        return; /* reported before */
    }
    const cmp_str maker = issued ? CMP_STR("") : key->peer;
    size_t slot = hash_seeded(hash_str(maker), key->id.at, key->id.size) & l->mask;
    while (l->slots[slot] != 0 && !same_id(&l->ring->keys[l->slots[slot] - 1], key)) {
        slot = (slot + 1) & l->mask;
    }
    if (l->slots[slot] != 0) {
        wrong(l, "id",
              issued ? "another key of this list has the same id"
                     : "another key received from this peer has the same id");
        return;
    }
    l->slots[slot] = (uint32_t)(key - l->ring->keys) + 1;
}

/* Goes on after an error, so that all of an entry's are listed; a ring with errors is never
 * used. */
static void add_key(const load *l, const entry *e, cmp_key_use use)
{
    kit_arena *memory = &l->ring->memory;
    cmp_key *key = &l->ring->keys[l->ring->count];
    *key = (cmp_key){.id = kit_arena_copy(memory, cmp_str_from(e->id)),
                     .peer = kit_arena_copy(memory, cmp_str_from(e->peer)),
                     .use = use,
                     .hash = (cmp_hash)e->hash,
                     .encoding = (cmp_encoding)e->encoding,
                     .tid_format = (cmp_tid_format)e->tid_format,
                     .max_skew_ms = e->max_skew_ms,
                     .repeat_identical = e->repeat == 1,
                     .not_before_ms = time_of(l, "not_before", e->not_before, INT64_MIN),
                     .not_after_ms = time_of(l, "not_after", e->not_after, INT64_MAX)};
    if (e->id != NULL && !kit_ascii_visible(key->id)) {
        wrong(l, "id", "an id has visible ASCII characters only");
    }
    if (e->peer != NULL && l->peer_known != NULL && !l->peer_known(l->arg, e->peer)) {
        wrong_peer(l, e);
    }
    if (key->max_skew_ms != 0 && key->tid_format != CMP_TID_UUIDV7) {
        wrong(l, "max_skew", "needs tid_format: uuidv7, which alone carries a time");
    }
    if (key->not_before_ms >= key->not_after_ms) {
        wrong(l, "not_after", "must be later than not_before");
    }
    check_double(l, key);
    l->ring->labels[l->ring->count] =
        use == CMP_KEY_ISSUED ? label_make(key->id) : label_make_pair(key->peer, key->id);
    choose_secret(l, e, key);
    l->ring->count++;
}

static void add_keys(load *l, const cmp_rows *entries, cmp_key_use use)
{
    const entry *e = entries->at;
    for (size_t i = 0; i < entries->count; i++) {
        l->path = kit_arena_printf(&l->report->memory, "%s[%zu]",
                                   use == CMP_KEY_ISSUED ? "issued" : "received", i);
        add_key(l, &e[i], use);
    }
}

static void set_pseudonym_secret(load *l, const char *text)
{
    const cmp_str secret = cmp_str_from(text);
    if (text != NULL && secret.size < SECRET_SIZE_MIN) {
        l->path = "pseudonym_secret";
        wrong(l, NULL, "too short: a secret has at least 16 octets");
    } else if (text != NULL) {
        l->ring->pseudonym_secret = secret_copy(secret.at, secret.size);
        l->ring->pseudonym_secret_size = secret.size;
    }
}

/* ---- the file ---- */

/* The operator's first step may be the one that is missing. */
static void report_unopened(const char *path, cmp_report *report)
{
    const conf_place place = {.file = path};
    if (errno == ENOENT) {
        report_add(
            report, place, NULL,
            "the keyring cannot be opened: there is none; cmpctl keys issue --keys %s --peer "
            "NAME makes one with a key for that peer, cmpctl keys import with its key for us",
            path);
    } else {
        report_add(report, place, NULL, "the keyring cannot be opened: %s", strerror(errno));
    }
}

/* Opens the file, unless somebody else than its owner could read it. The descriptor is asked, not
 * the path: the file that was judged is the one that is read. */
static int open_private(const char *path, cmp_report *report)
{
    const conf_place place = {.file = path};
    /* Opening a FIFO would otherwise wait for a writer. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        report_unopened(path, report);
    } else if (!S_ISREG(status.st_mode)) {
        report_add(report, place, NULL, "the keyring is no regular file");
    } else if ((status.st_mode & 077) != 0) {
        report_add(report, place, NULL,
                   "the keyring is open to others (mode %04o, owner's uid %u): run chmod 600 %s",
                   status.st_mode & 07777, status.st_uid, path);
    } else {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static yaml_file *open_file(const char *path, cmp_report *report)
{
    const int fd = open_private(path, report);
    if (fd < 0) {
        return NULL;
    }
    yaml_file *file = yaml_read(path, fd, true, report);
    close(fd);
    return file;
}

keyring *keyring_load(const char *path, bool (*peer_known)(void *arg, const char *name), void *arg,
                      cmp_report *report)
{
    const size_t errors_before = report->count;
    const kit_file_mark mark = kit_file_mark_of(path); /* before: a change meanwhile shows later */
    yaml_file *file = open_file(path, report);
    if (file == NULL) {
        return NULL;
    }
    keyring *k = kit_calloc(1, sizeof(*k));
    k->shares = 1;
    k->mark = mark;
    k->good_from_ms = INT64_MIN;
    k->good_until_ms = INT64_MAX;
    kit_arena_init(&k->memory, NULL, 0);
    ring_file ring;
    schema_fill(ring_rows, file, yaml_root(file), "", NULL, &k->memory, &ring, report);
    const size_t count = ring.issued.count + ring.received.count;
    k->keys = kit_arena_calloc(&k->memory, count, sizeof(*k->keys));
    k->labels = kit_arena_calloc(&k->memory, count, sizeof(*k->labels));
    load l = {.ring = k, .file = file, .peer_known = peer_known, .arg = arg, .report = report};
    make_slots(&l, count);
    add_keys(&l, &ring.issued, CMP_KEY_ISSUED);
    add_keys(&l, &ring.received, CMP_KEY_RECEIVED);
    tokens_load(&k->tokens, &ring.tokens, file, &k->memory, report);
    set_pseudonym_secret(&l, ring.pseudonym_secret);
    schema_wipe(ring_rows, &ring);
    yaml_close(&file);
    if (report->count != errors_before) {
        keyring_unref(&k);
    }
    return k;
}

/* The public struct shows plugins a constant secret; the memory behind it is ours. */
static uint8_t *secret_of(const cmp_key *key)
{
    return (uint8_t *)(uintptr_t)key->secret;
}

void keyring_forget(keyring *k, int64_t now_ms)
{
    k->good_from_ms = now_ms;
    k->good_until_ms = INT64_MAX;
    for (size_t i = 0; i < k->count; i++) {
        const cmp_key *key = &k->keys[i];
        if (!kit_key_expired(key, now_ms)) {
            if (key->not_after_ms < k->good_until_ms) {
                k->good_until_ms = key->not_after_ms;
            }
        } else if (RAND_bytes(secret_of(key), (int)key->secret_size) != 1) {
            abort(); /* and there would be no TLS either */
        }
    }
}

bool keyring_is_over(const keyring *k, int64_t now_ms)
{
    return now_ms < k->good_from_ms || now_ms > k->good_until_ms;
}

static void destroy(keyring *k)
{
    for (size_t i = 0; i < k->count; i++) {
        uint8_t *secret = secret_of(&k->keys[i]);
        secret_free(&secret, k->keys[i].secret_size);
        label_drop(k->labels[i]);
    }
    tokens_dispose(&k->tokens);
    secret_free(&k->pseudonym_secret, k->pseudonym_secret_size);
    kit_arena_reset(&k->memory);
    free(k);
}

keyring *keyring_ref(keyring *k)
{
    atomic_fetch_add(&k->shares, 1);
    return k;
}

void keyring_unref(keyring **ref)
{
    keyring *k = *ref;
    *ref = NULL;
    if (k != NULL && atomic_fetch_sub(&k->shares, 1) == 1) {
        destroy(k);
    }
}

const kit_file_mark *keyring_mark(const keyring *k)
{
    return &k->mark;
}

void keyring_mark_text(const kit_file_mark *m, char text[KEYRING_MARK_TEXT_SIZE])
{
    snprintf(text, KEYRING_MARK_TEXT_SIZE,
             "%" PRIx64 "-%" PRIx64 "-%" PRIu64 "-%" PRId64 ".%09" PRId64 "-%" PRId64 ".%09" PRId64,
             m->device, m->inode, m->size, m->modified_s, m->modified_ns, m->changed_s,
             m->changed_ns);
}

void keyring_each(const keyring *k, cmp_key_use use, void (*visit)(const cmp_key *key, void *arg),
                  void *arg)
{
    for (size_t i = 0; i < k->count; i++) {
        if (k->keys[i].use == use) {
            visit(&k->keys[i], arg);
        }
    }
}

const tokens *keyring_tokens(const keyring *k)
{
    return &k->tokens;
}

cmp_str keyring_pseudonym_secret(const keyring *k)
{
    return (cmp_str){(const char *)k->pseudonym_secret, k->pseudonym_secret_size};
}
