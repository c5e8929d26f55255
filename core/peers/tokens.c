/* SPDX-License-Identifier: Apache-2.0 */
/* Reads tokens from the keyring, and finds the one that a request on the interface codes brings. */
#include "peers/tokens.h"

#include "base/hash.h"
#include "base/labels.h"
#include "conf/yaml.h"

#include <cmp-kit/text.h>
#include <cmp-kit/times.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define NAME_SIZE_MAX 64

const char *const token_right_names[] = {"read", "write", NULL};

const cmp_option token_rows[] = {
    CMP_ROW("name", STRING, token_row, name, "how logs call whoever has it", CMP_REQUIRED,
            CMP_RANGE(1, NAME_SIZE_MAX)),
    CMP_ROW("sha256", STRING, token_row, sha256, "SHA-256 of the token, in hex", CMP_REQUIRED),
    CMP_ROW_ENUMS("allow", token_row, allow, token_right_names,
                  "what may be done with it on the interface codes", CMP_DEFAULT("read")),
    CMP_ROW("not_after", STRING, token_row, not_after, "when it ends to be good"),
    CMP_OPTION_END,
};

void tokens_dispose(tokens *t)
{
    for (size_t i = 0; i < t->count; i++) {
        label_drop(t->at[i].label);
    }
}

void token_hash(cmp_str text, uint8_t hash[TOKEN_HASH_SIZE])
{
    if (EVP_Digest(text.at, text.size, hash, NULL, EVP_sha256(), NULL) != 1) {
        abort();
    }
}

static void wrong(cmp_report *report, const yaml_file *file, size_t at, const char *member,
                  const char *text)
{
    const char *path = kit_arena_printf(&report->memory, "tokens[%zu].%s", at, member);
    report_add(report, yaml_place_of(file, path), path, "%s", text);
}

/* ---- hash tables ---- */

/* The slot of the token of that hash, or where it would be: the tables are at most half full. */
static uint32_t *slot_of_hash(const tokens *t, const uint8_t hash[TOKEN_HASH_SIZE])
{
    size_t slot = hash_octets(hash, TOKEN_HASH_SIZE) & t->mask;
    while (t->by_hash[slot] != 0 &&
           CRYPTO_memcmp(t->at[t->by_hash[slot] - 1].hash, hash, TOKEN_HASH_SIZE) != 0) {
        slot = (slot + 1) & t->mask;
    }
    return &t->by_hash[slot];
}

static uint32_t *slot_of_name(const tokens *t, cmp_str name)
{
    size_t slot = hash_str(name) & t->mask;
    while (t->by_name[slot] != 0 && !cmp_str_equal(t->at[t->by_name[slot] - 1].name, name)) {
        slot = (slot + 1) & t->mask;
    }
    return &t->by_name[slot];
}

/* ---- loading ---- */

void tokens_load(tokens *t, const cmp_rows *rows, const yaml_file *file, kit_arena *memory,
                 cmp_report *report)
{
    const token_row *e = rows->at;
    size_t slots = 4;
    while (slots < 2 * rows->count) {
        slots *= 2;
    }
    t->mask = slots - 1;
    t->by_hash = kit_arena_calloc(memory, slots, sizeof(*t->by_hash));
    t->by_name = kit_arena_calloc(memory, slots, sizeof(*t->by_name));
    t->at = kit_arena_calloc(memory, rows->count, sizeof(*t->at));
    for (size_t i = 0; i < rows->count; i++) {
        const cmp_str name = kit_arena_copy(memory, cmp_str_from(e[i].name));
        token *made = &t->at[i];
        if (name.at != NULL && !kit_ascii_visible(name)) {
            wrong(report, file, i, "name", "a name has visible ASCII characters only");
        } else if (name.at != NULL && *slot_of_name(t, name) != 0) {
            wrong(report, file, i, "name", "another token has the same name");
        }
        *made = (token){.name = name, .allow = e[i].allow, .not_after_ms = INT64_MAX};
        made->label = label_make(name);
        const bool hashed = e[i].sha256 != NULL &&
                            kit_hex_decode(cmp_str_from(e[i].sha256), made->hash, TOKEN_HASH_SIZE);
        if (e[i].sha256 != NULL && !hashed) {
            wrong(report, file, i, "sha256", "expected 64 hexadecimal digits");
        } else if (hashed && *slot_of_hash(t, made->hash) != 0) {
            /* Which of the two would say what it may do? */
            wrong(report, file, i, "sha256", "another token is the same");
        }
        if (e[i].not_after != NULL &&
            !kit_time_parse(cmp_str_from(e[i].not_after), &made->not_after_ms)) {
            wrong(report, file, i, "not_after",
                  "expected a time such as 2027-01-01T00:00:00Z (RFC 3339)");
        }
        t->count++;
        if (name.at != NULL) {
            *slot_of_name(t, name) = (uint32_t)t->count;
        }
        if (hashed) {
            *slot_of_hash(t, made->hash) = (uint32_t)t->count;
        }
    }
}

/* What a look-up's time could tell is something about the hash of a text that was sent, keyed with
 * a seed of this process; never about a token that is not that text. */
const token *tokens_find(const tokens *t, cmp_str text, int64_t now_ms)
{
    uint8_t hash[TOKEN_HASH_SIZE];
    if (text.size > TOKEN_TEXT_MAX) {
        return NULL;
    }
    token_hash(text, hash);
    const uint32_t found = *slot_of_hash(t, hash);
    return found != 0 && now_ms <= t->at[found - 1].not_after_ms ? &t->at[found - 1] : NULL;
}
