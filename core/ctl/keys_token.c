/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl keys token`: makes a token of the interface codes. Only its hash goes into the keyring.
 */
#include "base/secret.h"
#include "ctl/args.h"
#include "ctl/keyfile.h"
#include "ctl/keys.h"
#include "ctl/keys_place.h"
#include "ctl/output.h"

#include <cmp-kit/text.h>
#include <cmp-kit/times.h>

#include <openssl/rand.h>
#include <stdlib.h>

typedef struct token_options {
    keys_place place;
    const char *name, *allow, *not_after;
} token_options;

static const args_row rows[] = {
    KEYS_PLACE_ROWS(token_options, place, "the keyring; made when missing"),
    ARGS_NEEDED("name", token_options, name, "NAME", "how logs call whoever has it"),
    ARGS_ROW("allow", TEXT, token_options, allow, "WHAT", "read (default), write or read,write"),
    ARGS_ROW("not-after", TEXT, token_options, not_after, "TIME", "valid until then (RFC 3339)"),
    {.name = NULL},
};

static const args_command command = {
    .name = "keys token",
    .summary = "Makes a token and shows it, once",
    .details =
        "Whoever has it may read or write our code records, on listeners with the interface\n"
        "codes: another server's store_remote, or a tool. The keyring gets its SHA-256 only.\n\n"
        "  cmpctl keys token --config cmpd.yaml --name site-2",
    .rows = rows,
};

static const char *const allow_names[] = {"read", "write", "read,write", NULL};
static const char *const allow_values[] = {"read", "write", "[read, write]"};

enum { TOKEN_OCTETS = 32, TOKEN_SIZE = KIT_BASE64_SIZE(TOKEN_OCTETS) + 1 };

/* Only the hash is kept: whoever reads a backup of the keyring gets no token of it. A plain hash is
 * enough for 256 random bits, which nobody can try out. */
static void make_token(char text[TOKEN_SIZE], char hex[2 * TOKEN_HASH_SIZE + 1])
{
    uint8_t octets[TOKEN_OCTETS], hash[TOKEN_HASH_SIZE];
    if (RAND_bytes(octets, sizeof(octets)) != 1) {
        abort();
    }
    const size_t size = kit_base64url_encode(octets, sizeof(octets), text);
    text[size] = '\0';
    token_hash((cmp_str){text, size}, hash);
    kit_hex_encode(hash, sizeof(hash), hex);
    hex[2 * sizeof(hash)] = '\0';
    secret_wipe(octets, sizeof(octets));
}

static bool add(const token_options *o, const keyfile_member *members, size_t count)
{
    keyfile *k = keyfile_open(o->place.keys);
    if (k == NULL) {
        return false;
    }
    bool done = false, unused;
    if (keyfile_find(k, KEYFILE_TOKENS, o->name, NULL, &unused) != NULL) {
        output_fail("%s: it has a token of the name \"%s\" already", o->place.keys, o->name);
    } else {
        done = keyfile_add(k, KEYFILE_TOKENS, members, count) && keyfile_save(k, o->place.peers);
    }
    keyfile_close(&k);
    return done;
}

/* Makes, saves and shows it, and has the daemon take it. */
static int make(const token_options *o, int allow)
{
    char text[TOKEN_SIZE], hash[2 * TOKEN_HASH_SIZE + 1];
    make_token(text, hash);
    const keyfile_member members[] = {
        {"name", o->name, false},
        {"sha256", hash, false},
        {"allow", allow_values[allow], true},
        {"not_after", o->not_after, true},
    };
    int status = EXIT_CANNOT;
    if (add(o, members, sizeof(members) / sizeof(members[0]))) {
        printf("For %s (%s), shown only this once:\n  token       %s\n", o->name,
               allow_names[allow], text);
        status = keys_place_shown(&o->place, o->name);
    }
    secret_wipe(text, sizeof(text));
    return status == EXIT_GOOD ? keys_place_tell(&o->place) : status;
}

int keys_token_run(int argc, char **argv)
{
    token_options o = {.name = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    int allow = 0;
    int64_t until_ms;
    char until[KIT_TIME_TEXT_SIZE];
    if ((o.allow != NULL && !args_choice("allow", o.allow, allow_names, &allow)) ||
        (o.not_after != NULL && !args_time("not-after", o.not_after, &until_ms))) {
        return EXIT_CANNOT;
    }
    if (o.not_after != NULL) {
        kit_time_format(until_ms, until);
        o.not_after = until;
    }
    const int status = keys_place_find(&o.place) ? make(&o, allow) : EXIT_CANNOT;
    keys_place_dispose(&o.place);
    return status;
}
