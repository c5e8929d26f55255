/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the key for a command. Secrets come from files or stdin and never from the command line,
 * which every user of the machine can read. */
#include "ctl/credential.h"

#include "base/secret.h"
#include "ctl/args.h"
#include "ctl/output.h"

#include <errno.h>
#include <stdlib.h>

enum { SECRET_FILE_MAX = 4096 };

/* ---- a file with one secret ---- */

/* One newline belongs to the file, as editors leave it; more would be a part of the secret, which
 * keys import points out. */
uint8_t *credential_read_secret(const char *path, size_t *size)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (file == NULL) {
        output_fail("%s: %s", path, strerror(errno));
        return NULL;
    }
    uint8_t text[SECRET_FILE_MAX + 1];
    setvbuf(file, NULL, _IONBF, 0); /* no copy of the secret stays in a buffer */
    *size = fread(text, 1, sizeof(text), file);
    const bool failed = ferror(file) != 0;
    if (!is_stdin) {
        fclose(file);
    }
    if (!failed && *size <= SECRET_FILE_MAX && *size > 0 && text[*size - 1] == '\n') {
        *size -= *size > 1 && text[*size - 2] == '\r' ? 2 : 1;
    }
    uint8_t *secret = NULL;
    if (failed) {
        output_fail("%s: it cannot be read", path);
    } else if (*size == 0) {
        output_fail("%s: it holds no secret", path);
    } else if (*size > SECRET_FILE_MAX) {
        output_fail("%s: it is longer than a secret of %d octets", path, SECRET_FILE_MAX);
    } else {
        secret = secret_copy(text, *size);
    }
    secret_wipe(text, sizeof(text));
    return secret;
}

static bool open_file(credential *c, const credential_choice *choice)
{
    int hash = CMP_HASH_SHA256;
    if (choice->hash != NULL && !args_choice("hash", choice->hash, key_hash_names, &hash)) {
        return false;
    }
    c->secret = credential_read_secret(choice->secret_file, &c->secret_size);
    c->from_file = true;
    c->key = (cmp_key){
        .secret = c->secret,
        .secret_size = c->secret_size,
        .hash = (cmp_hash)hash,
        .not_before_ms = INT64_MIN,
        .not_after_ms = INT64_MAX,
    };
    return c->secret != NULL;
}

/* ---- a keyring ---- */

typedef struct search {
    const char *id, *peer;
    int64_t now_ms;
    const cmp_key *found;
    bool several;
} search;

static void visit_id(const cmp_key *key, void *arg)
{
    search *s = arg;
    if (cmp_str_equal(key->id, cmp_str_from(s->id)) &&
        (s->peer == NULL || cmp_str_equal(key->peer, cmp_str_from(s->peer)))) {
        s->several = s->found != NULL;
        s->found = key;
    }
}

/* As the plugin chooses when it signs: the newest that is valid, of equals the last. */
static void visit_peer(const cmp_key *key, void *arg)
{
    search *s = arg;
    if (cmp_str_equal(key->peer, cmp_str_from(s->peer)) && s->now_ms >= key->not_before_ms &&
        s->now_ms <= key->not_after_ms &&
        (s->found == NULL || key->not_before_ms >= s->found->not_before_ms)) {
        s->found = key;
    }
}

/* An id may be both of a key that we issued and of one that a peer issued to us. Signing wants the
 * one, verifying the other; where that is missing the other is tried, for a developer often has
 * only one side. */
static bool find(credential *c, const credential_choice *choice, cmp_key_use preferred,
                 int64_t now_ms)
{
    search s = {.id = choice->id, .peer = choice->peer, .now_ms = now_ms};
    if (choice->id == NULL) {
        keyring_each(c->ring, CMP_KEY_RECEIVED, visit_peer, &s);
    } else {
        keyring_each(c->ring, preferred, visit_id, &s);
        if (s.found == NULL) {
            keyring_each(c->ring, preferred == CMP_KEY_ISSUED ? CMP_KEY_RECEIVED : CMP_KEY_ISSUED,
                         visit_id, &s);
        }
    }
    if (s.several) {
        output_fail(CREDENTIAL_SEVERAL, choice->keys, choice->id);
        return false;
    }
    if (s.found == NULL && choice->id != NULL) {
        output_fail(CREDENTIAL_NONE "%s%s", choice->keys, choice->id,
                    choice->peer != NULL ? " and the peer " : "",
                    choice->peer != NULL ? choice->peer : "");
    } else if (s.found == NULL) {
        output_fail("%s: no key received from \"%s\" is valid now", choice->keys, choice->peer);
    } else {
        c->key = *s.found;
    }
    return s.found != NULL;
}

/* No list of peers is at hand here, so any peer's name in the keyring is good. */
bool credential_open(credential *c, const credential_choice *choice, cmp_key_use preferred,
                     int64_t now_ms)
{
    *c = (credential){.ring = NULL};
    if ((choice->keys != NULL) == (choice->secret_file != NULL)) {
        output_fail("either --keys or --secret-file has to be given");
        return false;
    }
    if (choice->secret_file != NULL) {
        return open_file(c, choice);
    }
    if (choice->id == NULL && choice->peer == NULL) {
        output_fail("--keys needs --id, to say which key");
        return false;
    }
    cmp_report report;
    report_init(&report);
    c->ring = keyring_load(choice->keys, NULL, NULL, &report);
    output_fail_report(&report);
    report_dispose(&report);
    return c->ring != NULL && find(c, choice, preferred, now_ms);
}

void credential_dispose(credential *c)
{
    if (c->ring != NULL) {
        keyring_unref(&c->ring);
    }
    secret_free(&c->secret, c->secret_size);
}

void credential_add(const credential *c, json_t *object)
{
    if (!c->from_file) {
        json_object_set_new(object, "apikeyid", output_json_text(c->key.id));
        json_object_set_new(object, "peer", output_json_text(c->key.peer));
        json_object_set_new(object, "use",
                            json_string(c->key.use == CMP_KEY_ISSUED ? "issued" : "received"));
    }
    json_object_set_new(object, "hash", json_string(key_hash_names[c->key.hash]));
}

void credential_describe(const cmp_key *key, bool from_file, char *text, size_t size)
{
    if (from_file) {
        snprintf(text, size, "secret file");
    } else {
        snprintf(text, size, "%s %.*s", key->use == CMP_KEY_ISSUED ? "issued to" : "received from",
                 (int)key->peer.size, key->peer.at);
    }
}
