/* SPDX-License-Identifier: Apache-2.0 */
/* The search for the mistake behind an invalid signature. Each part of the calculation (key, its
 * secret, hash, signed octets, the signature's text) has a list of forms, of which the first is the
 * right one; every combination is tried, those with few wrong forms first. */
#include "ctl/hints.h"

#include "base/secret.h"

#include <cmp-kit/arena.h>
#include <cmp-kit/signature.h>
#include <cmp-kit/text.h>

#include <stdio.h>
#include <stdlib.h>

/* More forms than the longest list below has (18). Four mistakes at once are hardly ever made, and
 * would take 18 × 11 × 5 × 4 HMACs for each key to find. */
enum { FORMS_MAX = 24, MISTAKES_MAX = 3 };

#define SECRETS_SIZE ((size_t)65536) /* holds all forms of one secret, and is wiped */

/* One way to take a part. `label` is what the operator reads; empty for the right way. */
typedef struct form {
    const char *label;
    cmp_str octets;
} form;

typedef struct forms {
    form at[FORMS_MAX];
    size_t count;
} forms;

static void forms_add(forms *f, const char *label, cmp_str octets)
{
    for (size_t i = 0; i < f->count; i++) {
        if (cmp_str_equal(f->at[i].octets, octets)) {
            return; /* the same octets under a simpler name */
        }
    }
    if (f->count < FORMS_MAX) {
        f->at[f->count++] = (form){label, octets};
    }
}

/* ---- texts ---- */

static cmp_str join(kit_arena *a, cmp_str first, const char *between, cmp_str second)
{
    const size_t size = strlen(between);
    char *text = kit_arena_alloc(a, first.size + size + second.size + 1);
    memcpy(text, first.at, first.size);
    memcpy(text + first.size, between, size);
    memcpy(text + first.size + size, second.at, second.size);
    return (cmp_str){text, first.size + size + second.size};
}

static cmp_str append(kit_arena *a, cmp_str text, const char *end)
{
    return join(a, text, end, CMP_STR(""));
}

static cmp_str map(kit_arena *a, cmp_str text, char from, char to, char add)
{
    cmp_str mapped = kit_arena_copy(a, text);
    for (size_t i = 0; i < mapped.size; i++) {
        if (mapped.at[i] >= from && mapped.at[i] <= to) {
            ((char *)mapped.at)[i] = (char)(mapped.at[i] + add);
        }
    }
    return mapped;
}

static cmp_str upper(kit_arena *a, cmp_str text)
{
    return map(a, text, 'a', 'z', 'A' - 'a');
}

static cmp_str lower(kit_arena *a, cmp_str text)
{
    return map(a, text, 'A', 'Z', 'a' - 'A');
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static cmp_str trim(cmp_str text)
{
    while (text.size > 0 && is_space(text.at[text.size - 1])) {
        text.size--;
    }
    while (text.size > 0 && is_space(*text.at)) {
        text.at++;
        text.size--;
    }
    return text;
}

static cmp_str url_decode(kit_arena *a, cmp_str text)
{
    char *decoded = kit_arena_alloc(a, text.size + 1), *to = decoded;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t octet;
        if (text.at[i] == '%' && i + 2 < text.size &&
            kit_hex_decode((cmp_str){text.at + i + 1, 2}, &octet, 1)) {
            *to++ = (char)octet;
            i += 2;
        } else {
            *to++ = text.at[i];
        }
    }
    return (cmp_str){decoded, (size_t)(to - decoded)};
}

static cmp_str url_encode(kit_arena *a, cmp_str text)
{
    char *encoded = kit_arena_alloc(a, 3 * text.size + 1), *to = encoded;
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.at[i];
        const bool plain =
            (c >= '0' && c <= '9') || (kit_ascii_lower(c) >= 'a' && kit_ascii_lower(c) <= 'z');
        if (plain || (c != '\0' && strchr("-._~", c) != NULL)) {
            *to++ = c;
        } else {
            to += sprintf(to, "%%%02X", (uint8_t)c);
        }
    }
    return (cmp_str){encoded, (size_t)(to - encoded)};
}

/* ---- the forms of each part ---- */

/* Of those that explain it with equally few mistakes the first is shown. */
static void message_forms(kit_arena *a, const signed_pair *pair, forms *f)
{
    const cmp_str tid = pair->tid, ici = pair->ici;
    forms_add(f, "", join(a, tid, "", ici));
    forms_add(f, "over ici and then tid", join(a, ici, "", tid));
    forms_add(f, "over the ici in upper case", join(a, tid, "", upper(a, ici)));
    forms_add(f, "over the ici in lower case", join(a, tid, "", lower(a, ici)));
    forms_add(f, "over the tid in upper case", join(a, upper(a, tid), "", ici));
    forms_add(f, "over the tid in lower case", join(a, lower(a, tid), "", ici));
    forms_add(f, "over the values with their percent escapes decoded",
              join(a, url_decode(a, tid), "", url_decode(a, ici)));
    forms_add(f, "over the url-encoded values",
              join(a, url_encode(a, tid), "", url_encode(a, ici)));
    forms_add(f, "over tid and ici with a newline at the end",
              append(a, join(a, tid, "", ici), "\n"));
    forms_add(f, "over the tid alone", tid);
    forms_add(f, "over the ici alone", ici);
    forms_add(f, "with a space between tid and ici", join(a, tid, " ", ici));
    forms_add(f, "with a colon between tid and ici", join(a, tid, ":", ici));
    forms_add(f, "with a comma between tid and ici", join(a, tid, ",", ici));
    forms_add(f, "with a bar between tid and ici", join(a, tid, "|", ici));
    forms_add(f, "with & between tid and ici", join(a, tid, "&", ici));
    forms_add(f, "with a newline between tid and ici", join(a, tid, "\n", ici));
    forms_add(f, "over the text tid=…&ici=…",
              join(a, join(a, CMP_STR("tid="), "", tid), "&ici=", ici));
}

/* Mostly about how the secret was kept: an apikey that looks like hex or base64 gets decoded by one
 * side and not by the other. */
static void secret_forms(kit_arena *a, const cmp_key *key, forms *f)
{
    const cmp_str secret = {(const char *)key->secret, key->secret_size};
    forms_add(f, "", secret);
    forms_add(f, "with a newline at the end of the secret", append(a, secret, "\n"));
    forms_add(f, "with CR and LF at the end of the secret", append(a, secret, "\r\n"));
    forms_add(f, "with a space at the end of the secret", append(a, secret, " "));
    forms_add(f, "without the white space around the secret", trim(secret));

    uint8_t *decoded = kit_arena_alloc(a, secret.size + 1);
    if (kit_hex_decode(trim(secret), decoded, trim(secret).size / 2)) {
        forms_add(f, "with the secret decoded from hex",
                  (cmp_str){(char *)decoded, trim(secret).size / 2});
    }
    decoded = kit_arena_alloc(a, secret.size + 1);
    const ptrdiff_t size = kit_base64_decode(trim(secret), decoded, secret.size);
    if (size > 0) {
        forms_add(f, "with the secret decoded from base64",
                  (cmp_str){(char *)decoded, (size_t)size});
    }
    char *hex = kit_arena_alloc(a, 2 * secret.size + 1);
    kit_hex_encode(key->secret, secret.size, hex);
    const cmp_str hex_text = {hex, 2 * secret.size};
    forms_add(f, "with the hex text of the secret", hex_text);
    forms_add(f, "with the hex text of the secret in upper case", upper(a, hex_text));
    char *base64 = kit_arena_alloc(a, KIT_BASE64_SIZE(secret.size));
    forms_add(f, "with the base64 text of the secret",
              (cmp_str){base64, kit_base64_encode(key->secret, secret.size, base64)});
    base64 = kit_arena_alloc(a, KIT_BASE64_SIZE(secret.size));
    forms_add(f, "with the base64url text of the secret",
              (cmp_str){base64, kit_base64url_encode(key->secret, secret.size, base64)});
}

static void signature_forms(kit_arena *a, cmp_str text, forms *f)
{
    forms_add(f, "", text);
    forms_add(f, "without the white space around the signature", trim(text));
    forms_add(f, "with the signature's percent escapes decoded", url_decode(a, text));
    forms_add(f, "with + where the signature has spaces (a form needs %2B for +)",
              map(a, text, ' ', ' ', '+' - ' '));
    if (text.size > 2 && (*text.at == '"' || *text.at == '\'')) {
        forms_add(f, "without the quotes around the signature",
                  (cmp_str){text.at + 1, text.size - 2});
    }
}

static const form hash_forms[] = {
    [CMP_HASH_SHA256] = {.label = "with sha256"},
    [CMP_HASH_SHA1] = {.label = "with sha1"},
    [CMP_HASH_SHA384] = {.label = "with sha384"},
    [CMP_HASH_SHA512] = {.label = "with sha512"},
};

enum { HASH_COUNT = sizeof(hash_forms) / sizeof(hash_forms[0]) };

/* ---- the search ---- */

typedef struct search {
    const hint_question *question;
    kit_arena memory;
    forms messages, signatures;
    size_t best; /* mistakes of the best combination so far */
    char *text;
    size_t size;
} search;

static void found(search *s, size_t mistakes, const char *const labels[5])
{
    s->best = mistakes;
    size_t used = 0;
    for (size_t i = 0; i < 5 && used < s->size; i++) {
        if (*labels[i] != '\0') {
            used += (size_t)snprintf(s->text + used, s->size - used, "%s%s", used > 0 ? ", " : "",
                                     labels[i]);
        }
    }
}

/* Tries all messages against all readings of the signature, with one prepared key. */
static void try_state(search *s, kit_signature_state *state, cmp_hash hash, size_t mistakes,
                      const char *const key_labels[3])
{
    for (size_t m = 0; m < s->messages.count; m++) {
        uint8_t mac[KIT_SIGNATURE_MAC_MAX], sent[KIT_SIGNATURE_MAC_MAX];
        if (!kit_signature_compute(state, s->messages.at[m].octets, CMP_STR(""), mac)) {
            return;
        }
        for (size_t t = 0; t < s->signatures.count; t++) {
            const size_t all = mistakes + (m > 0) + (t > 0);
            if (all < s->best && kit_signature_parse(s->signatures.at[t].octets, hash, sent) &&
                kit_signature_equal(mac, sent, hash)) {
                const char *labels[5] = {key_labels[0], key_labels[1], key_labels[2],
                                         s->messages.at[m].label, s->signatures.at[t].label};
                found(s, all, labels);
            }
        }
    }
}

/* Copies of the secret stand in one block, which is wiped as a whole. */
static void try_key(search *s, const cmp_key *key, const char *label)
{
    forms secrets = {.count = 0};
    uint8_t *block = kit_alloc(SECRETS_SIZE);
    kit_arena memory;
    kit_arena_init(&memory, block, SECRETS_SIZE);
    secret_forms(&memory, key, &secrets);
    for (size_t i = 0; i < secrets.count; i++) {
        for (int hash = 0; hash < HASH_COUNT; hash++) {
            const bool other_hash = (cmp_hash)hash != key->hash;
            const size_t mistakes = (*label != '\0') + (i > 0) + other_hash;
            if (mistakes >= s->best) {
                continue;
            }
            const cmp_str secret = secrets.at[i].octets;
            kit_signature_state *state =
                kit_signature_state_create((cmp_hash)hash, (const uint8_t *)secret.at, secret.size);
            if (state != NULL) {
                const char *labels[3] = {label, secrets.at[i].label,
                                         other_hash ? hash_forms[hash].label : ""};
                try_state(s, state, (cmp_hash)hash, mistakes, labels);
                kit_signature_state_destroy(&state);
            }
        }
    }
    kit_arena_reset(&memory);
    secret_free(&block, SECRETS_SIZE);
}

/* The key in question was tried before; under another id it explains nothing. */
static void visit(const cmp_key *key, void *arg)
{
    search *s = arg;
    const cmp_key *own = s->question->key;
    if (key->secret_size == own->secret_size && key->hash == own->hash &&
        memcmp(key->secret, own->secret, own->secret_size) == 0) {
        return;
    }
    const char *label =
        kit_arena_printf(&s->memory, "with the key %.*s (%s %.*s)", (int)key->id.size, key->id.at,
                         key->use == CMP_KEY_ISSUED ? "issued to" : "received from",
                         (int)key->peer.size, key->peer.at);
    try_key(s, key, label);
}

bool hint_find(const hint_question *question, char *text, size_t size)
{
    search s = {.question = question, .best = MISTAKES_MAX + 1, .text = text, .size = size};
    kit_arena_init(&s.memory, NULL, 0);
    message_forms(&s.memory, question->pair, &s.messages);
    signature_forms(&s.memory, question->signature, &s.signatures);
    try_key(&s, question->key, "");
    if (question->ring != NULL) {
        keyring_each(question->ring, CMP_KEY_ISSUED, visit, &s);
        keyring_each(question->ring, CMP_KEY_RECEIVED, visit, &s);
    }
    kit_arena_reset(&s.memory);
    return s.best <= MISTAKES_MAX;
}
