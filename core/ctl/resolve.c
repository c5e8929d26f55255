/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl resolve`: asks a CMP over MC-3 as a peer would, with a signed request. */
#include "base/clock.h"
#include "base/field.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/credential.h"
#include "ctl/https.h"
#include "ctl/output.h"
#include "ctl/params.h"
#include "ctl/signed_pair.h"

#include <cmp-kit/signature.h>
#include <cmp-kit/text.h>
#include <cmp-kit/uuid.h>

#include <unistd.h>

typedef struct resolve_options {
    credential_choice key;
    const char *tid, *user, *method;
    args_list params, headers;
    https_options https;
    const char *timeout;
    bool without_signature, verbose;
} resolve_options;

static const args_row rows[] = {
    ARGS_ROW("keys", TEXT, resolve_options, key.keys, "FILE", "the keyring to sign from"),
    ARGS_ROW("id", TEXT, resolve_options, key.id, "APIKEYID", "sign with the key of that id"),
    ARGS_ROW("peer", TEXT, resolve_options, key.peer, "NAME",
             "sign with the newest valid key received from that peer"),
    ARGS_ROW("unsigned", FLAG, resolve_options, without_signature, NULL,
             "do not sign (a dedicated link)"),
    ARGS_ROW("tid", TEXT, resolve_options, tid, "TID", "otherwise a fresh UUIDv7"),
    ARGS_ROW("user", TEXT, resolve_options, user, "USER", "otherwise cmpctl"),
    ARGS_ROW("param", LIST, resolve_options, params, "NAME=VALUE",
             "any other parameter, such as language=fr; may be repeated"),
    ARGS_ROW("header", LIST, resolve_options, headers, "NAME=VALUE",
             "a header field, for an auth plugin that reads it; may be repeated"),
    ARGS_ROW("method", TEXT, resolve_options, method, "HOW", "get (default), form or json"),
    ARGS_ROW("ca", TEXT, resolve_options, https.ca, "FILE",
             "certificates to trust; otherwise the system's"),
    ARGS_ROW("cert", TEXT, resolve_options, https.certificate, "FILE", "a client certificate, PEM"),
    ARGS_ROW("key", TEXT, resolve_options, https.key, "FILE", "its private key, PEM"),
    ARGS_ROW("http1", FLAG, resolve_options, https.http1, NULL, "only HTTP/1.1"),
    ARGS_ROW("http2", FLAG, resolve_options, https.http2, NULL, "only HTTP/2"),
    ARGS_ROW("timeout", TEXT, resolve_options, timeout, "SECONDS", "otherwise 10"),
    ARGS_ROW("verbose", FLAG, resolve_options, verbose, NULL, "show the request, never the secret"),
    {.name = NULL},
};

static const args_command command = {
    .name = "resolve",
    .operands = "URL ICI",
    .operand_count = 2,
    .summary = "Asks a CMP to resolve an ICI, and prints its answer",
    .details =
        "URL is an origin, to which /mc-3/resolve-ici is added, or a whole address. Only https\n"
        "is spoken, and the certificate is always verified.\n\n"
        "  cmpctl resolve https://b.example.net:8443 2B001-42 --keys keys.yaml --peer b\n\n"
        "Exit status: 0 resolved, 1 an error answer, 2 could not ask.",
    .rows = rows,
};

static const char *const method_names[] = {"get", "form", "json", NULL};

/* ---- the request ---- */

typedef struct request {
    query q;
    char tid[KIT_UUID_TEXT_SIZE + 1];
    char signature[KIT_SIGNATURE_TEXT_MAX];
    signed_pair pair;
    credential key;
} request;

/* 9.3.2: "apikeyid" and "signature" are part of every request. */
static bool add_signature(request *r, const resolve_options *o)
{
    if (o->without_signature) {
        return true;
    }
    if (o->key.keys == NULL) {
        output_fail("--keys with --id or --peer has to be given, or --unsigned");
        return false;
    }
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    if (!credential_open(&r->key, &o->key, CMP_KEY_RECEIVED, clock_now_ms())) {
        return false;
    }
    if (!signed_pair_mac(&r->pair, &r->key.key, mac)) {
        return false;
    }
    const size_t size =
        kit_signature_encode(mac, r->key.key.hash, r->key.key.encoding, r->signature);
    query_add(&r->q, "apikeyid", r->key.key.id);
    query_add(&r->q, "signature", (cmp_str){r->signature, size});
    return true;
}

/* NAME=VALUE becomes the line of a header field; what could be more than one line is none. */
static bool read_headers(const args_list *from, kit_arena *memory, https_request *sent)
{
    const char **lines = kit_arena_calloc(memory, from->count + 1, sizeof(*lines));
    for (size_t i = 0; i < from->count; i++) {
        const char *equals = strchr(from->at[i], '=');
        const cmp_str name = {from->at[i], equals != NULL ? (size_t)(equals - from->at[i]) : 0};
        if (!field_is_token(name) || !kit_ascii_printable(cmp_str_from(equals))) {
            output_fail("--header: \"%s\" is no NAME=VALUE of a header field", from->at[i]);
            return false;
        }
        lines[i] = kit_arena_printf(memory, "%.*s: %s", (int)name.size, name.at, equals + 1);
    }
    sent->headers = lines;
    sent->header_count = from->count;
    return true;
}

/* The signature before the parameters of --param, and their values unchecked: one may want to see
 * how a CMP bears what is wrong. */
static bool request_make(request *r, const resolve_options *o, const char *ici)
{
    kit_uuid_v7_make(clock_now_ms(), r->tid);
    r->tid[KIT_UUID_TEXT_SIZE] = '\0';
    if (!signed_pair_read(&r->pair, o->tid != NULL ? o->tid : r->tid, ici)) {
        return false;
    }
    query_add(&r->q, "tid", r->pair.tid);
    query_add(&r->q, "ici", r->pair.ici);
    query_add(&r->q, "user", cmp_str_from(o->user != NULL ? o->user : "cmpctl"));
    return add_signature(r, o) && params_add(&o->params, &r->q);
}

/* To standard error, so that standard output is the answer alone, for scripts. The signature in it
 * is good once; the secret is never shown. */
static void print_request(const request *r, const resolve_options *o, const https_request *sent)
{
    char origin[256] = "unsigned";
    if (!o->without_signature) {
        credential_describe(&r->key.key, false, origin, sizeof(origin));
    }
    fprintf(stderr, "> %s %s\n", sent->body != NULL ? "POST" : "GET", sent->url);
    if (sent->body != NULL) {
        fprintf(stderr, "> Content-Type: %s\n> %s\n", sent->content_type, sent->body);
    }
    fprintf(stderr, "> tid %.*s, ", (int)r->pair.tid.size, r->pair.tid.at);
    if (o->without_signature) {
        fputs("unsigned\n", stderr);
    } else {
        fprintf(stderr, "signed with %.*s, %s, %s\n", (int)r->key.key.id.size, r->key.key.id.at,
                origin, key_hash_names[r->key.key.hash]);
    }
}

/* ---- the answer ---- */

static void print_answer(const https_answer *answer)
{
    fprintf(stderr, "%s\n", answer->status_line);
    json_t *json = json_loadb(answer->body, answer->body_size, JSON_DECODE_ANY, NULL);
    if (json != NULL && isatty(STDOUT_FILENO)) {
        output_json(json); /* jansson writes control characters as escapes */
        return;
    }
    json_decref(json);
    if (isatty(STDOUT_FILENO)) {
        output_visible((cmp_str){answer->body, answer->body_size}, stdout);
    } else {
        fwrite(answer->body, 1, answer->body_size, stdout);
    }
    putchar('\n');
}

static int ask(request *r, const resolve_options *o, const char *url, int method)
{
    https_request sent = {.url = NULL};
    if (!read_headers(&o->headers, r->q.memory, &sent)) {
        return EXIT_CANNOT;
    }
    if (method == 2) {
        sent.content_type = "application/json";
        sent.body = query_json(&r->q);
        if (sent.body == NULL) {
            return output_fail("a value is no UTF-8, and JSON cannot carry it");
        }
    } else if (method == 1) {
        sent.content_type = "application/x-www-form-urlencoded";
        sent.body = query_form(&r->q);
    }
    sent.url = https_url(url, sent.body == NULL ? query_form(&r->q) : NULL);
    if (sent.url == NULL) {
        return EXIT_CANNOT;
    }
    if (o->verbose) {
        print_request(r, o, &sent);
    }
    https_answer answer;
    int status = EXIT_CANNOT;
    if (https_ask(&sent, &o->https, &answer)) {
        print_answer(&answer);
        status = answer.status == 200 ? EXIT_GOOD : EXIT_BAD;
    }
    https_answer_dispose(&answer);
    https_url_free(&sent.url);
    return status;
}

int resolve_run(int argc, char **argv)
{
    resolve_options o = {.tid = NULL};
    const char *operands[2];
    const args_result parsed = args_parse(&command, argc, argv, &o, operands);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    int method = 0;
    int64_t seconds = 10;
    if (o.method != NULL && !args_choice("method", o.method, method_names, &method)) {
        return EXIT_CANNOT;
    }
    if (o.timeout != NULL && !kit_number_parse(cmp_str_from(o.timeout), 1, 3600, &seconds)) {
        return output_fail("--timeout: \"%s\" is no number of seconds from 1 to 3600", o.timeout);
    }
    o.https.timeout_s = (long)seconds;
    request r = {.key.ring = NULL};
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    query_init(&r.q, &memory);
    const int status =
        request_make(&r, &o, operands[1]) ? ask(&r, &o, operands[0], method) : EXIT_CANNOT;
    kit_arena_reset(&memory);
    credential_dispose(&r.key);
    return status;
}
