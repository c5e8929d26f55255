/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl verify`: checks a signature as cmpd does, and helps to find out why it does not hold. */
#include "base/clock.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/credential.h"
#include "ctl/hints.h"
#include "ctl/output.h"
#include "ctl/signed_pair.h"

#include <cmp-kit/signature.h>
#include <cmp-kit/text.h>
#include <cmp-kit/tid.h>
#include <cmp-kit/times.h>

typedef struct verify_options {
    credential_choice key;
    const char *tid, *ici, *signature, *at;
    bool json;
} verify_options;

static const args_row rows[] = {
    CREDENTIAL_ROWS(verify_options, "issued or received"),
    SIGNED_PAIR_ROWS(verify_options, tid, ici),
    ARGS_NEEDED("signature", verify_options, signature, "TEXT", "the request's signature, decoded"),
    ARGS_ROW("at", TEXT, verify_options, at, "TIME",
             "judge windows and age as at that time (RFC 3339); otherwise now"),
    ARGS_JSON_ROW(verify_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "verify",
    .summary = "Says whether cmpd would accept a signature, and if not, why",
    .details =
        "Checks what cmpd checks: the signature, the key's window, the form of the tid and\n"
        "its age. For a signature that does not hold it tries the mistakes that are made\n"
        "when two CMPs are connected: another hash or key, the values in the wrong order or\n"
        "still url-encoded, a newline at the end of the secret, and others.\n\n"
        "Exit status: 0 valid, 1 invalid, 2 could not tell.",
    .rows = rows,
};

/* What was found; texts are empty when there is nothing to say. */
typedef struct verdict {
    bool readable, matches;
    char form[160];   /* the signature's form */
    char window[96];  /* why the key does not count now */
    char format[160]; /* why the tid does not */
    char hint[512];
    char clock[128]; /* how far the tid's time is from now; empty: it has none */
} verdict;

static bool holds(const verdict *v)
{
    return v->matches && *v->window == '\0' && *v->format == '\0';
}

/* ---- the checks ---- */

static bool all_hex(cmp_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        const char c = kit_ascii_lower(text.at[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return text.size > 0;
}

/* The hash whose MAC has a text of that form, or NULL. Mostly its size tells; of 64 characters what
 * they are, for base64 of sha384 is as long as hex of sha256. */
static const char *hash_of_form(cmp_str text)
{
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    for (int hash = 0; key_hash_names[hash] != NULL; hash++) {
        if (kit_signature_parse(text, (cmp_hash)hash, mac)) {
            return key_hash_names[hash];
        }
    }
    return NULL;
}

static void describe_form(cmp_str text, cmp_hash hash, bool readable, verdict *v)
{
    const char *kind = all_hex(text) ? "hex digits" : "characters";
    if (readable) {
        snprintf(v->form, sizeof(v->form), "%zu %s, as %s has", text.size, kind,
                 key_hash_names[hash]);
        return;
    }
    const size_t size = kit_signature_mac_size(hash);
    const char *other = hash_of_form(text);
    snprintf(v->form, sizeof(v->form),
             "%zu %s%s%s; %s has %zu hex digits, or %zu characters of base64 (%zu unpadded)",
             text.size, kind, other != NULL ? ", as of " : "", other != NULL ? other : "",
             key_hash_names[hash], 2 * size, KIT_BASE64_SIZE(size), (size * 4 + 2) / 3);
}

static void check_window(const cmp_key *key, int64_t now_ms, verdict *v)
{
    char time[KIT_TIME_TEXT_SIZE];
    if (now_ms < key->not_before_ms) {
        kit_time_format(key->not_before_ms, time);
        snprintf(v->window, sizeof(v->window), "the key is not valid before %s", time);
    } else if (now_ms > key->not_after_ms) {
        kit_time_format(key->not_after_ms, time);
        snprintf(v->window, sizeof(v->window), "the key has expired at %s", time);
    }
}

/* The same function as the plugin's (kit), so that the two cannot judge differently. */
static void check_format(const cmp_key *key, cmp_str tid, int64_t now_ms, verdict *v)
{
    const kit_tid shape = kit_tid_read(tid);
    const char *fault = kit_tid_fault(&shape, key, now_ms);
    if (fault == NULL) {
        return;
    }
    const char *wanted = key_tid_format_names[key->tid_format];
    if (!shape.version_7 || key->max_skew_ms == 0) {
        snprintf(v->format, sizeof(v->format), "%s; the key demands tid_format %s", fault, wanted);
        return;
    }
    char time[KIT_TIME_TEXT_SIZE];
    kit_time_format(shape.time_ms, time);
    snprintf(v->format, sizeof(v->format), "%s: its time is %s, and max_skew is %.0f s", fault,
             time, (double)key->max_skew_ms / 1000);
}

/* How far the tid's time is from ours, which only its requestor's clock or ours can explain when
 * the request is a fresh one; and whether ours can be believed. */
static void describe_clock(cmp_str tid, int64_t now_ms, verdict *v)
{
    const kit_tid shape = kit_tid_read(tid);
    size_t size = 0;
    if (shape.version_7) {
        const int64_t by_ms = shape.time_ms - now_ms;
        size = (size_t)snprintf(v->clock, sizeof(v->clock), "the tid's time is %.3f s %s now%s",
                                (double)(by_ms > 0 ? by_ms : -by_ms) / 1000,
                                by_ms > 0 ? "after" : "before", clock_is_kept() ? "" : "; ");
    }
    if (!clock_is_kept()) {
        snprintf(v->clock + size, sizeof(v->clock) - size,
                 "nobody keeps this machine's clock right (NTP)");
    }
}

/* All checks, though one would do to refuse: cmpd says 401 to all of them alike, and this is where
 * one finds out. */
static bool examine(const credential *c, const signed_pair *pair, cmp_str signature, int64_t now_ms,
                    verdict *v)
{
    uint8_t ours[KIT_SIGNATURE_MAC_MAX], theirs[KIT_SIGNATURE_MAC_MAX];
    if (!signed_pair_mac(pair, &c->key, ours)) {
        return false;
    }
    v->readable = kit_signature_parse(signature, c->key.hash, theirs);
    v->matches = v->readable && kit_signature_equal(ours, theirs, c->key.hash);
    describe_form(signature, c->key.hash, v->readable, v);
    check_window(&c->key, now_ms, v);
    check_format(&c->key, pair->tid, now_ms, v);
    describe_clock(pair->tid, now_ms, v);
    const hint_question question = {&c->key, pair, signature, c->ring};
    if (!v->matches && !hint_find(&question, v->hint, sizeof(v->hint))) {
        v->hint[0] = '\0';
    }
    return true;
}

/* ---- what is printed ---- */

static void print_text(const credential *c, const signed_pair *pair, const verdict *v)
{
    puts(holds(v) ? "VALID" : "INVALID");
    if (!v->matches) {
        printf("%-11s%s\n", "why:",
               v->readable ? "the signature is another one" : "the signature has a wrong form");
    }
    if (*v->window != '\0') {
        printf("%-11s%s\n", "why:", v->window);
    }
    if (*v->format != '\0') {
        printf("%-11s%s\n", "why:", v->format);
    }
    if (*v->hint != '\0') {
        printf("%-11sit would be valid %s\n", "hint:", v->hint);
    } else if (!v->matches) {
        printf("%-11snone of the usual mistakes explains it: compare secret, tid and ici\n",
               "hint:");
    }
    if (*v->clock != '\0') {
        printf("%-11s%s\n", "clock:", v->clock);
    }
    char origin[256];
    credential_describe(&c->key, c->from_file, origin, sizeof(origin));
    printf("%-11s%.*s%s%s, %s\n", "key:", (int)c->key.id.size,
           c->key.id.at != NULL ? c->key.id.at : "", c->from_file ? "" : ", ", origin,
           key_hash_names[c->key.hash]);
    printf("%-11s%s\n", "signature:", v->form);
    signed_pair_print(pair, stdout);
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (*text != '\0') {
        json_object_set_new(object, name, json_string(text));
    }
}

static void print_json(const credential *c, const verdict *v)
{
    json_t *object = json_object();
    json_object_set_new(object, "valid", json_boolean(holds(v)));
    json_object_set_new(object, "signature_matches", json_boolean(v->matches));
    set_text(object, "signature_form", v->form);
    set_text(object, "key_window", v->window);
    set_text(object, "tid_format", v->format);
    set_text(object, "valid_if", v->hint);
    set_text(object, "clock", v->clock);
    credential_add(c, object);
    output_json(object);
}

static int verify(const verify_options *o, const credential *c, int64_t now_ms)
{
    signed_pair pair;
    verdict v = {.readable = false};
    if (!signed_pair_read(&pair, o->tid, o->ici)) {
        return EXIT_CANNOT;
    }
    if (!examine(c, &pair, cmp_str_from(o->signature), now_ms, &v)) {
        return EXIT_CANNOT;
    }
    if (o->json) {
        print_json(c, &v);
    } else {
        print_text(c, &pair, &v);
    }
    return holds(&v) ? EXIT_GOOD : EXIT_BAD;
}

int verify_run(int argc, char **argv)
{
    verify_options o = {.tid = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    int64_t now_ms = clock_now_ms();
    if (o.at != NULL && !args_time("at", o.at, &now_ms)) {
        return EXIT_CANNOT;
    }
    credential c;
    const bool opened = credential_open(&c, &o.key, CMP_KEY_ISSUED, now_ms);
    const int status = opened ? verify(&o, &c, now_ms) : EXIT_CANNOT;
    credential_dispose(&c);
    return status;
}
