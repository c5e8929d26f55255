/* Reads tokens from the keyring, and finds the one that a request on the interface codes brings. */
#include "peers/tokens.h"

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

static bool is_known(const tokens *t, cmp_str name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (cmp_str_equal(t->at[i].name, name)) {
            return true;
        }
    }
    return false;
}

void tokens_load(tokens *t, const cmp_rows *rows, const yaml_file *file, kit_arena *memory,
                 cmp_report *report)
{
    const token_row *e = rows->at;
    t->at = kit_arena_calloc(memory, rows->count, sizeof(*t->at));
    for (size_t i = 0; i < rows->count; i++) {
        const cmp_str name = kit_arena_copy(memory, cmp_str_from(e[i].name));
        token *made = &t->at[i];
        if (name.at != NULL && !kit_ascii_visible(name)) {
            wrong(report, file, i, "name", "a name has visible ASCII characters only");
        } else if (name.at != NULL && is_known(t, name)) {
            wrong(report, file, i, "name", "another token has the same name");
        }
        *made = (token){.name = name, .allow = e[i].allow, .not_after_ms = INT64_MAX};
        if (e[i].sha256 != NULL &&
            !kit_hex_decode(cmp_str_from(e[i].sha256), made->hash, TOKEN_HASH_SIZE)) {
            wrong(report, file, i, "sha256", "expected 64 hexadecimal digits");
        }
        if (e[i].not_after != NULL &&
            !kit_time_parse(cmp_str_from(e[i].not_after), &made->not_after_ms)) {
            wrong(report, file, i, "not_after",
                  "expected a time such as 2027-01-01T00:00:00Z (RFC 3339)");
        }
        t->count++;
    }
}

/* What is compared is a hash, of which nobody can choose the octets; and still all tokens are gone
 * through in constant time, so that time says nothing at all. */
const token *tokens_find(const tokens *t, cmp_str text, int64_t now_ms)
{
    uint8_t hash[TOKEN_HASH_SIZE];
    const token *found = NULL;
    token_hash(text, hash);
    for (size_t i = 0; i < t->count; i++) {
        if (CRYPTO_memcmp(t->at[i].hash, hash, TOKEN_HASH_SIZE) == 0) {
            found = &t->at[i];
        }
    }
    return found != NULL && now_ms <= found->not_after_ms ? found : NULL;
}
