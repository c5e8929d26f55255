/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring: which files and keys are refused, what a good one gives, and that no message ever
 * shows a secret. */
#include "peers/keyring.h"

#include "scratch.h"

#define SECRET "0123456789abcdef"

static bool peer_known(void *arg, const char *name)
{
    return strcmp(name, arg) == 0;
}

static char peer_b[] = "b";

static keyring *load(const char *text, cmp_report *report)
{
    report_init(report);
    scratch_write("k.yaml", text);
    return keyring_load("k.yaml", peer_known, peer_b, report);
}

#define NO_PEER   "there is no such peer: it has to be under peers before its keys are here"
#define TAKEN_OUT "cmpctl keys revoke --keys k.yaml --id k --delete takes this out"

static const struct {
    const char *text, *errors;
} bad[] = {
    {"issued: [{peer: b, secret: " SECRET "}]",
     "k.yaml:1:11: issued[0].id: missing; expected a text of 1 to 128 octets\n"},
    {"issued: [{id: k, secret: " SECRET "}]",
     "k.yaml:1:11: issued[0].peer: missing; expected a text\n"},
    {"issued: [{id: 'k 1', peer: b, secret: " SECRET "}]",
     "k.yaml:1:15: issued[0].id: an id has visible ASCII characters only\n"},
    {"issued: [{id: é, peer: b, secret: " SECRET "}]",
     "k.yaml:1:15: issued[0].id: an id has visible ASCII characters only\n"},
    {"issued: [{id: k, peer: c, secret: " SECRET "}]",
     "k.yaml:1:24: issued[0].peer: " NO_PEER "; " TAKEN_OUT "\n"},
    {"received: [{id: '$(x)', peer: c, secret: " SECRET "}]",
     "k.yaml:1:31: received[0].peer: " NO_PEER "\n"},
    {"issued: [{id: k, peer: b}]",
     "k.yaml:1:11: issued[0]: exactly one of secret, secret_hex, secret_base64 is needed\n"},
    {"issued: [{id: k, peer: b, secret: " SECRET ", secret_hex: 00}]",
     "k.yaml:1:11: issued[0]: exactly one of secret, secret_hex, secret_base64 is needed\n"},
    {"issued: [{id: k, peer: b, secret: ''}]",
     "k.yaml:1:35: issued[0].secret: too short: a secret has at least 16 octets\n"},
    {"issued: [{id: k, peer: b, secret: 0123456789abcde}]",
     "k.yaml:1:35: issued[0].secret: too short: a secret has at least 16 octets\n"},
    {"issued: [{id: k, peer: b, secret_hex: 000102030405060708090a0b0c0d0e}]",
     "k.yaml:1:39: issued[0].secret_hex: too short: a secret has at least 16 octets\n"},
    {"issued: [{id: k, peer: b, secret_hex: 000102030405060708090a0b0c0d0e0f0}]",
     "k.yaml:1:39: issued[0].secret_hex: expected hexadecimal digits, two an octet\n"},
    {"issued: [{id: k, peer: b, secret_hex: " SECRET SECRET "x0}]",
     "k.yaml:1:39: issued[0].secret_hex: expected hexadecimal digits, two an octet\n"},
    {"issued: [{id: k, peer: b, secret_base64: '*" SECRET SECRET "'}]",
     "k.yaml:1:42: issued[0].secret_base64: expected base64\n"},
    {"issued: [{id: k, peer: b, secret_base64: " SECRET "}]",
     "k.yaml:1:42: issued[0].secret_base64: too short: a secret has at least 16 octets\n"},
    {"issued: [{id: k, peer: b, secret: \"\\0" SECRET "\"}]",
     "k.yaml:1:35: issued[0].secret: expected a secret text, found another text\n"},
    {"issued: [{id: k, peer: b, secret: [" SECRET "]}]",
     "k.yaml:1:27: issued[0].secret: expected a secret text, found a list\n"},
    {"issued: [{id: k, peer: b, secret: " SECRET ", hash: " SECRET "}]",
     "k.yaml:1:59: issued[0].hash: expected one of sha256, sha1, sha384, sha512, found another "
     "text\n"},
    {"issued: [{id: k, peer: b, secret: " SECRET ", encoding: hex}]",
     "k.yaml:1:53: issued[0].encoding: unknown key; known here: id, peer, secret, secret_hex, "
     "secret_base64, hash, not_before, not_after, tid_format, max_skew, repeat\n"},
    {"received: [{id: k, peer: b, secret: " SECRET ", repeat: refuse}]",
     "k.yaml:1:55: received[0].repeat: unknown key; known here: id, peer, secret, secret_hex, "
     "secret_base64, hash, not_before, not_after, encoding\n"},
    {"issued: [{id: k, peer: b, secret: " SECRET ", max_skew: 5m}]",
     "k.yaml:1:63: issued[0].max_skew: needs tid_format: uuidv7, which alone carries a time\n"},
    {"issued: [{id: k, peer: b, secret: " SECRET ", tid_format: uuid, max_skew: 5m}]",
     "k.yaml:1:81: issued[0].max_skew: needs tid_format: uuidv7, which alone carries a time\n"},
    {"issued: [{id: k, peer: b, secret: " SECRET ", not_after: tomorrow}]",
     "k.yaml:1:64: issued[0].not_after: expected a time such as 2027-01-01T00:00:00Z (RFC 3339)\n"},
    {"issued: [{id: k, peer: b, secret: " SECRET ",\n"
     "  not_before: 2027-01-01T00:00:00Z, not_after: 2027-01-01T00:00:00Z}]",
     "k.yaml:2:48: issued[0].not_after: must be later than not_before\n"},
    {"issued: [{id: k, peer: b, secret: " SECRET "}, {id: k, peer: b, secret: " SECRET "}]",
     "k.yaml:1:59: issued[1].id: another key of this list has the same id\n"},
    {"received: [{id: k, peer: b, secret: " SECRET "}, {id: k, peer: b, secret: " SECRET "}]",
     "k.yaml:1:61: received[1].id: another key received from this peer has the same id\n"},
    {"issued: [{id: k, peer: b, secret: " SECRET "}, {id: k, peer: c, secret: " SECRET "}]",
     "k.yaml:1:59: issued[1].id: another key of this list has the same id\n"
     "k.yaml:1:68: issued[1].peer: " NO_PEER "; " TAKEN_OUT "\n"},
    {"isued: []", "k.yaml:1:1: isued: unknown key; did you mean \"issued\"?\n"},
    {"issued: " SECRET, "k.yaml:1:9: issued: expected a list of mappings, found another text\n"},
    {"- " SECRET, "k.yaml:1:3: expected a mapping, found a list\n"},
    {"issued: [{id: k, secret: *" SECRET "}]",
     "k.yaml:1:27: no good YAML (the text is not shown)\n"},
    {"issued: [{id: k, secret: " SECRET "}", "k.yaml:2:1: no good YAML (the text is not shown)\n"},
};

static void refuses_bad_keys_without_showing_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cmp_report report;
        assert_null(load(bad[i].text, &report));
        for (size_t e = 0; e < report.count; e++) {
            assert_null(strstr(report.errors[e].text, SECRET));
        }
        assert_report(&report, bad[i].errors);
        report_dispose(&report);
    }
}

/* Far apart, among others that one table holds: of all peers, and of both uses. */
static void finds_a_double_among_many(void **state)
{
    (void)state;
    enum { PEERS = 40, EACH = 50 };
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    fputs("received:\n", to);
    for (int i = 0; i < PEERS * EACH; i++) {
        fprintf(to, "- {id: k-%d, peer: p-%d, secret: " SECRET "}\n", i / PEERS, i % PEERS);
    }
    fputs("- {id: k-0, peer: p-7, secret: " SECRET "}\nissued:\n", to);
    for (int i = 0; i < EACH; i++) {
        fprintf(to, "- {id: k-%d, peer: p-%d, secret: " SECRET "}\n", i, i);
    }
    fputs("- {id: k-1, peer: p-2, secret: " SECRET "}\n", to);
    fclose(to);
    scratch_write("k.yaml", text);
    cmp_report report;
    report_init(&report);
    assert_null(keyring_load("k.yaml", NULL, NULL, &report));
    assert_report(&report,
                  "k.yaml:2002:8: received[2000].id: another key received from this peer has the "
                  "same id\n"
                  "k.yaml:2054:8: issued[50].id: another key of this list has the same id\n");
    report_dispose(&report);
    free(text);
}

static void refuses_files_that_others_can_use(void **state)
{
    (void)state;
    static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0666};
    cmp_report report;
    report_init(&report);
    scratch_write("k.yaml", "issued: []\n");
    for (size_t i = 0; i < sizeof(open_modes) / sizeof(*open_modes); i++) {
        char expected[200];
        assert_int_equal(chmod("k.yaml", open_modes[i]), 0);
        assert_null(keyring_load("k.yaml", NULL, NULL, &report));
        snprintf(expected, sizeof(expected),
                 "k.yaml: the keyring is open to others (mode %04o, owner's uid %u): run chmod 600 "
                 "k.yaml\n",
                 open_modes[i], getuid());
        assert_report(&report, expected);
    }
    static const mode_t closed_modes[] = {0600, 0400, 0700};
    for (size_t i = 0; i < sizeof(closed_modes) / sizeof(*closed_modes); i++) {
        assert_int_equal(chmod("k.yaml", closed_modes[i]), 0);
        keyring *k = keyring_load("k.yaml", NULL, NULL, &report);
        assert_non_null(k);
        keyring_unref(&k);
    }
    report_dispose(&report);
}

static void refuses_what_is_no_regular_file(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    assert_null(keyring_load("nowhere.yaml", NULL, NULL, &report));
    assert_report(&report,
                  "nowhere.yaml: the keyring cannot be opened: there is none; cmpctl keys issue "
                  "--keys nowhere.yaml --peer NAME makes one with a key for that peer, cmpctl keys "
                  "import with its key for us\n");
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_null(keyring_load("folder", NULL, NULL, &report));
    assert_report(&report, "folder: the keyring is no regular file\n");
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_null(keyring_load("fifo", NULL, NULL, &report));
    assert_report(&report, "fifo: the keyring is no regular file\n");
    report_dispose(&report);
}

typedef struct seen {
    cmp_key keys[8];
    size_t count;
} seen;

static void see(const cmp_key *key, void *arg)
{
    seen *s = arg;
    s->keys[s->count++] = *key;
}

static void assert_secret(const cmp_key *key, const char *octets, size_t size)
{
    assert_int_equal(key->secret_size, size);
    assert_memory_equal(key->secret, octets, size);
}

static void reads_good_keys(void **state)
{
    (void)state;
    cmp_report report;
    keyring *k =
        load("issued:\n"
             "  - {id: k-1, peer: b, secret: \"open \\u00e9 sesame 1234\", tid_format: uuidv7,\n"
             "     max_skew: 5m, repeat: identical}\n"
             "  - {id: k-2, peer: b, secret_hex: 000102030405060708090A0b0c0d0e0f, hash: sha1,\n"
             "     not_before: 1970-01-01T00:00:01Z, not_after: 1970-01-01T00:00:02Z}\n"
             "received:\n"
             "  - {id: k-1, peer: b, secret_base64: AAECAwQFBgcICQoLDA0ODw==, encoding: base64,\n"
             "     hash: sha512}\n",
             &report);
    assert_report(&report, "");
    assert_non_null(k);
    seen issued = {.count = 0}, received = {.count = 0};
    keyring_each(k, CMP_KEY_ISSUED, see, &issued);
    keyring_each(k, CMP_KEY_RECEIVED, see, &received);
    assert_int_equal(issued.count, 2);
    assert_int_equal(received.count, 1);
    const cmp_key *one = &issued.keys[0], *two = &issued.keys[1], *ours = &received.keys[0];
    assert_true(cmp_str_equal(one->id, CMP_STR("k-1")));
    assert_true(cmp_str_equal(one->peer, CMP_STR("b")));
    assert_secret(one, "open é sesame 1234", 19);
    assert_int_equal(one->hash, CMP_HASH_SHA256);
    assert_int_equal(one->tid_format, CMP_TID_UUIDV7);
    assert_int_equal(one->max_skew_ms, 300000);
    assert_true(one->repeat_identical);
    assert_true(one->not_before_ms == INT64_MIN && one->not_after_ms == INT64_MAX);
    assert_secret(two, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);
    assert_int_equal(two->hash, CMP_HASH_SHA1);
    assert_int_equal(two->tid_format, CMP_TID_ANY);
    assert_false(two->repeat_identical);
    assert_int_equal(two->not_before_ms, 1000);
    assert_int_equal(two->not_after_ms, 2000);
    assert_secret(ours, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);
    assert_int_equal(ours->hash, CMP_HASH_SHA512);
    assert_int_equal(ours->encoding, CMP_ENCODING_BASE64);
    keyring_unref(&k);
    assert_null(k);
    keyring_unref(&k);
    report_dispose(&report);
}

static void add_secret(const cmp_key *key, void *arg)
{
    assert_int_equal(key->secret_size, sizeof(SECRET) - 1);
    *(unsigned *)arg += memcmp(key->secret, SECRET, key->secret_size) == 0;
}

static unsigned secrets_in(const keyring *k)
{
    unsigned count = 0;
    keyring_each(k, CMP_KEY_ISSUED, add_secret, &count);
    keyring_each(k, CMP_KEY_RECEIVED, add_secret, &count);
    return count;
}

static void what_has_ended_is_forgotten(void **state)
{
    (void)state;
    cmp_report report;
    keyring *k = load("issued:\n"
                      "- {id: k, peer: b, secret: " SECRET ", not_after: 2020-01-01T00:00:01Z}\n"
                      "- {id: l, peer: b, secret: " SECRET ", not_after: 2020-01-01T00:00:02Z}\n"
                      "received:\n"
                      "- {id: m, peer: b, secret: " SECRET ", not_after: 2020-01-01T00:00:00Z}\n"
                      "- {id: n, peer: b, secret: " SECRET "}\n",
                      &report);
    assert_non_null(k);
    report_dispose(&report);
    const int64_t begin_ms = INT64_C(1577836800000);
    assert_false(keyring_is_over(k, begin_ms + 99000)); /* nothing was forgotten: for tools */
    assert_int_equal(secrets_in(k), 4);
    keyring_forget(k, begin_ms + 1000);
    assert_int_equal(secrets_in(k), 3); /* it ends behind its last millisecond */
    assert_false(keyring_is_over(k, begin_ms + 1000));
    assert_true(keyring_is_over(k, begin_ms + 1001));
    keyring_forget(k, begin_ms + 1001);
    assert_int_equal(secrets_in(k), 2);
    assert_true(keyring_is_over(k, begin_ms + 1000)); /* the clock was set back */
    keyring_forget(k, begin_ms + 9000);
    assert_int_equal(secrets_in(k), 1);
    assert_false(keyring_is_over(k, INT64_MAX - 1));
    keyring_unref(&k);
}

static void names_of_enumerations_are_in_order(void **state)
{
    (void)state;
    assert_string_equal(key_hash_names[CMP_HASH_SHA512], "sha512");
    assert_null(key_hash_names[CMP_HASH_SHA512 + 1]);
    assert_string_equal(key_encoding_names[CMP_ENCODING_BASE64], "base64");
    assert_null(key_encoding_names[CMP_ENCODING_BASE64 + 1]);
    assert_string_equal(key_tid_format_names[CMP_TID_UUIDV7], "uuidv7");
    assert_null(key_tid_format_names[CMP_TID_UUIDV7 + 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_keys_without_showing_secrets),
        cmocka_unit_test(finds_a_double_among_many),
        cmocka_unit_test(refuses_files_that_others_can_use),
        cmocka_unit_test(refuses_what_is_no_regular_file),
        cmocka_unit_test(reads_good_keys),
        cmocka_unit_test(what_has_ended_is_forgotten),
        cmocka_unit_test(names_of_enumerations_are_in_order),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
