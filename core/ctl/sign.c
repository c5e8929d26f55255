/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl sign`: shows which octets are signed, and the signature (9.3.2). */
#include "base/clock.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/credential.h"
#include "ctl/output.h"
#include "ctl/signed_pair.h"

#include <cmp-kit/signature.h>

typedef struct sign_options {
    credential_choice key;
    const char *tid, *ici, *encoding;
    bool json;
} sign_options;

static const args_row rows[] = {
    CREDENTIAL_ROWS(sign_options, "received or issued"),
    SIGNED_PAIR_ROWS(sign_options, tid, ici),
    ARGS_ROW("encoding", TEXT, sign_options, encoding, "HOW",
             "hex or base64; otherwise as the key says"),
    ARGS_JSON_ROW(sign_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "sign",
    .summary = "Shows which octets of a request are signed, and the signature",
    .details =
        "The signature is HMAC(apikey, tid and ici): the two decoded values, with nothing\n"
        "between them. The canonical string is printed with a bar where tid ends; the bar is\n"
        "not signed.\n\n"
        "  cmpctl sign --keys keys.yaml --id k-1 --tid 018f3c5e-… --ici 1A0F1-XYZ\n"
        "  cmpctl sign --secret-file apikey.txt --hash sha1 --tid t-1 --ici 1A0F1-XYZ",
    .rows = rows,
};

static void print_text(const credential *c, const signed_pair *pair, cmp_str signature)
{
    signed_pair_print(pair, stdout);
    char origin[256];
    credential_describe(&c->key, c->from_file, origin, sizeof(origin));
    if (!c->from_file) {
        printf("%-11s%.*s, %s\n", "key:", (int)c->key.id.size, c->key.id.at, origin);
    }
    printf("%-11s%s\n", "hash:", key_hash_names[c->key.hash]);
    printf("%-11s%.*s\n", "signature:", (int)signature.size, signature.at);
}

/* Here without the bar: what a script gets is what is signed, to the octet. */
static void print_json(const credential *c, const signed_pair *pair, cmp_encoding encoding,
                       cmp_str signature)
{
    char canonical[SIGNED_PAIR_MAX];
    const size_t octets = signed_pair_join(pair, canonical);
    json_t *object = json_object();
    json_object_set_new(object, "canonical", output_json_text((cmp_str){canonical, octets}));
    json_object_set_new(object, "tid_octets", json_integer((json_int_t)pair->tid.size));
    json_object_set_new(object, "octets", json_integer((json_int_t)octets));
    credential_add(c, object);
    json_object_set_new(object, "encoding", json_string(key_encoding_names[encoding]));
    json_object_set_new(object, "signature", output_json_text(signature));
    output_json(object);
}

static int sign(const sign_options *o, const credential *c)
{
    signed_pair pair;
    int encoding = (int)c->key.encoding;
    if (!signed_pair_read(&pair, o->tid, o->ici) ||
        (o->encoding != NULL &&
         !args_choice("encoding", o->encoding, key_encoding_names, &encoding))) {
        return EXIT_CANNOT;
    }
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    if (!signed_pair_mac(&pair, &c->key, mac)) {
        return EXIT_CANNOT;
    }
    char text[KIT_SIGNATURE_TEXT_MAX];
    const size_t size = kit_signature_encode(mac, c->key.hash, (cmp_encoding)encoding, text);
    if (o->json) {
        print_json(c, &pair, (cmp_encoding)encoding, (cmp_str){text, size});
    } else {
        print_text(c, &pair, (cmp_str){text, size});
    }
    return EXIT_GOOD;
}

int sign_run(int argc, char **argv)
{
    sign_options o = {.tid = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    credential c;
    const bool opened = credential_open(&c, &o.key, CMP_KEY_RECEIVED, clock_now_ms());
    const int status = opened ? sign(&o, &c) : EXIT_CANNOT;
    credential_dispose(&c);
    return status;
}
