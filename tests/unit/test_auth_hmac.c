/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the plugin auth_hmac: every way to be refused, what a replay is known by, and that the
 * two sides of a signature fit together. */
#include <cmp-kit/signature.h>
#include <cmp-kit/tid.h>
#include <cmp-test/test.h>

#include <dlfcn.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW_MS       ((int64_t)1700000000000)
#define MINUTE_MS    ((int64_t)60000)

/* NOW_MS is 0x18bcfe56800. */
#define TID_NOW  "018bcfe5-6800-7abc-8def-0123456789ab"
#define TID_V4   "018bcfe5-6800-4abc-8def-0123456789ab"
#define TID_NCS  "018bcfe5-6800-7abc-7def-0123456789ab" /* not the variant of RFC 9562 */
#define TID_OLD  "018bcfe0-d41f-7abc-8def-0123456789ab" /* 300 001 ms before */
#define TID_EDGE "018BCFE0-D420-7ABC-8DEF-0123456789AB" /* 300 000 ms before */
#define TID_NEW  "018bcfe9-fbe1-7abc-8def-0123456789ab" /* 300 001 ms after */
#define ICI      "1A0F1-XYZ"

#define ALWAYS   INT64_MIN, INT64_MAX

#define KEY(...) KEY_WITHIN(__VA_ARGS__)
#define KEY_WITHIN(id_, peer_, use_, secret_, from_, until_)                                       \
    .id = {(id_), sizeof(id_) - 1}, .peer = {(peer_), sizeof(peer_) - 1}, .use = (use_),           \
    .secret = (const uint8_t *)(secret_), .secret_size = sizeof(secret_) - 1,                      \
    .not_before_ms = (from_), .not_after_ms = (until_)

static const cmp_key keys[] = {
    {KEY("k-plain", "b", CMP_KEY_ISSUED, "plain secret", ALWAYS)},
    {KEY("k-repeat", "b", CMP_KEY_ISSUED, "repeat secret", ALWAYS), .repeat_identical = true},
    {KEY("k-sha1", "c", CMP_KEY_ISSUED, "old secret", ALWAYS), .hash = CMP_HASH_SHA1},
    {KEY("k-sha384", "c", CMP_KEY_ISSUED, "long secret", ALWAYS), .hash = CMP_HASH_SHA384},
    {KEY("k-sha512", "c", CMP_KEY_ISSUED, "longer secret", ALWAYS), .hash = CMP_HASH_SHA512},
    {KEY("k-expired", "b", CMP_KEY_ISSUED, "plain secret", INT64_MIN, NOW_MS - 1)},
    {KEY("k-future", "b", CMP_KEY_ISSUED, "plain secret", NOW_MS + 1, INT64_MAX)},
    {KEY("k-uuid", "b", CMP_KEY_ISSUED, "plain secret", ALWAYS), .tid_format = CMP_TID_UUID},
    {KEY("k-v7", "b", CMP_KEY_ISSUED, "plain secret", ALWAYS), .tid_format = CMP_TID_UUIDV7},
    {KEY("k-fresh", "b", CMP_KEY_ISSUED, "plain secret", ALWAYS), .tid_format = CMP_TID_UUIDV7,
     .max_skew_ms = 5 * MINUTE_MS},
    {KEY("to-c", "c", CMP_KEY_RECEIVED, "longer secret", ALWAYS), .hash = CMP_HASH_SHA512},
    {KEY("k-plain", "d", CMP_KEY_RECEIVED, "plain secret", ALWAYS),
     .encoding = CMP_ENCODING_BASE64},
};

static const cmp_key *key_named(const char *id)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (cmp_str_equal(keys[i].id, cmp_str_from(id))) {
            return &keys[i];
        }
    }
    return NULL;
}

/* How many keys were made ready: in the place of libcrypto's, which it calls. */
static unsigned prepared;

EVP_MAC_CTX *EVP_MAC_CTX_new(EVP_MAC *mac)
{
    EVP_MAC_CTX *(*theirs)(EVP_MAC * mac);
    void *at = dlsym(RTLD_NEXT, "EVP_MAC_CTX_new");
    memcpy(&theirs, &at, sizeof(theirs));
    prepared++;
    return theirs(mac);
}

typedef struct bench {
    cmp_test *host;
    cmp_test_txn *txn;
} bench;

static void open_with(bench *b, const cmp_key *shown, size_t count)
{
    b->host = cmp_test_create();
    cmp_test_set_time(b->host, NOW_MS);
    cmp_test_keys(b->host, shown, count);
    assert_true(cmp_test_open(b->host, &cmp_plugin_descriptor, NULL));
    b->txn = cmp_test_txn_create(b->host);
}

static int open_plugin(void **state)
{
    static bench b;
    open_with(&b, keys, COUNT(keys));
    *state = &b;
    return 0;
}

static int close_plugin(void **state)
{
    bench *b = *state;
    cmp_test_txn_destroy(&b->txn);
    cmp_test_destroy(&b->host);
    return 0;
}

/* ---- one request ---- */

/* What a requestor with that secret sends as its signature. */
static cmp_str signed_by(const char *secret, cmp_hash hash, const char *tid, const char *ici,
                         char text[KIT_SIGNATURE_TEXT_MAX])
{
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    kit_signature_state *state =
        kit_signature_state_create(hash, (const uint8_t *)secret, strlen(secret));
    assert_true(kit_signature_compute(state, cmp_str_from(tid), cmp_str_from(ici), mac));
    kit_signature_state_destroy(&state);
    return (cmp_str){text, kit_signature_encode(mac, hash, CMP_ENCODING_HEX, text)};
}

static cmp_auth_verdict ask(bench *b, const char *id, cmp_str signature, const char *tid,
                            const char *ici, cmp_auth_answer *answer)
{
    cmp_test_param(b->txn, CMP_PARAM_APIKEYID, id);
    cmp_test_param_str(b->txn, CMP_PARAM_SIGNATURE, signature);
    cmp_test_param(b->txn, CMP_PARAM_TID, tid);
    cmp_test_param(b->txn, CMP_PARAM_ICI, ici);
    cmp_test_op *op = cmp_test_verify(b->host, b->txn);
    const cmp_auth_verdict verdict = (cmp_auth_verdict)cmp_test_verdict(op);
    *answer = *cmp_test_auth(op);
    cmp_test_end(&op);
    return verdict;
}

/* Signs with the key's own secret and hash. */
static cmp_auth_verdict ask_signed(bench *b, const char *id, const char *tid, const char *ici,
                                   cmp_auth_answer *answer)
{
    const cmp_key *key = key_named(id);
    char text[KIT_SIGNATURE_TEXT_MAX];
    const cmp_str signature = signed_by((const char *)key->secret, key->hash, tid, ici, text);
    return ask(b, id, signature, tid, ici, answer);
}

/* ---- refusals ---- */

static void refuses_with_its_reason(void **state)
{
    static const struct {
        const char *id;     /* as sent */
        const char *secret; /* signed with; NULL: no signature */
        cmp_hash hash;
        const char *tid;
        const char *reason;
    } cases[] = {
        {NULL, "plain secret", CMP_HASH_SHA256, TID_NOW, "no apikeyid"},
        {NULL, NULL, CMP_HASH_SHA256, TID_NOW, "no apikeyid"},
        {"k-plain", NULL, CMP_HASH_SHA256, TID_NOW, "no signature"},
        {"k-nobody", NULL, CMP_HASH_SHA256, TID_NOW, "no signature"},
        {"k-nobody", "plain secret", CMP_HASH_SHA256, TID_NOW, "unknown apikeyid"},
        {"", "plain secret", CMP_HASH_SHA256, TID_NOW, "unknown apikeyid"},
        {"K-PLAIN", "plain secret", CMP_HASH_SHA256, TID_NOW, "unknown apikeyid"},
        {"k-plain ", "plain secret", CMP_HASH_SHA256, TID_NOW, "unknown apikeyid"},
        {"to-c", "longer secret", CMP_HASH_SHA512, TID_NOW, "unknown apikeyid"},
        {"k-plain", "other secret", CMP_HASH_SHA256, TID_NOW, "bad signature"},
        {"k-plain", "", CMP_HASH_SHA256, TID_NOW, "bad signature"},
        {"k-plain", "plain secret", CMP_HASH_SHA1, TID_NOW, "neither hex nor base64"},
        {"k-sha1", "old secret", CMP_HASH_SHA256, TID_NOW, "neither hex nor base64"},
        {"k-expired", "plain secret", CMP_HASH_SHA256, TID_NOW, "key has expired"},
        {"k-expired", "other secret", CMP_HASH_SHA256, TID_NOW, "key has expired"},
        {"k-future", "plain secret", CMP_HASH_SHA256, TID_NOW, "key is not valid yet"},
        {"k-uuid", "plain secret", CMP_HASH_SHA256, "tid-1", "tid is no UUID"},
        {"k-uuid", "plain secret", CMP_HASH_SHA256, "018bcfe5-6800-4abc-8def-0123456789ag",
         "no UUID"},
        {"k-uuid", "plain secret", CMP_HASH_SHA256, "018bcfe5-6800-4abc-8def+0123456789ab",
         "no UUID"},
        {"k-uuid", "plain secret", CMP_HASH_SHA256, "018bcfe5-6800-4abc-8def-0123456789ab1",
         "no UUID"},
        {"k-uuid", "plain secret", CMP_HASH_SHA256, "018bcfe568004abc8def0123456789ab", "no UUID"},
        {"k-v7", "plain secret", CMP_HASH_SHA256, TID_V4, "tid is no UUIDv7"},
        {"k-v7", "plain secret", CMP_HASH_SHA256, TID_NCS, "tid is no UUIDv7"},
        {"k-v7", "plain secret", CMP_HASH_SHA256, "tid-1", "tid is no UUID"},
        {"k-fresh", "plain secret", CMP_HASH_SHA256, TID_V4, "tid is no UUIDv7"},
        {"k-fresh", "plain secret", CMP_HASH_SHA256, TID_OLD, "tid is too old"},
        {"k-fresh", "plain secret", CMP_HASH_SHA256, TID_NEW, "tid is too new"},
    };
    bench *b = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[KIT_SIGNATURE_TEXT_MAX];
        cmp_str signature = CMP_NONE;
        if (cases[i].secret != NULL) {
            signature = signed_by(cases[i].secret, cases[i].hash, cases[i].tid, ICI, text);
        }
        cmp_auth_answer answer;
        assert_int_equal(ask(b, cases[i].id, signature, cases[i].tid, ICI, &answer),
                         CMP_AUTH_REJECT);
        if (strstr(answer.reason, cases[i].reason) == NULL) {
            fail_msg("case %zu: %s, and not %s", i, answer.reason, cases[i].reason);
        }
        assert_null(answer.peer.at);
        assert_null(answer.credential.at);
    }
}

static void refuses_signatures_that_are_none(void **state)
{
    bench *b = *state;
    char text[4096];
    memset(text, '0', sizeof(text));
    static const size_t sizes[] = {0, 1, 43, 44, 63, 64, 65, 128, 192, 193, 4096};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        cmp_auth_answer answer;
        assert_int_equal(ask(b, "k-plain", (cmp_str){text, sizes[i]}, TID_NOW, ICI, &answer),
                         CMP_AUTH_REJECT);
    }
}

static void refuses_what_was_changed(void **state)
{
    bench *b = *state;
    cmp_auth_answer answer;
    char text[KIT_SIGNATURE_TEXT_MAX];
    const cmp_str signature =
        signed_by("plain secret", CMP_HASH_SHA256, "tid-1", "1A0F1-XYZ", text);
    assert_int_equal(ask(b, "k-plain", signature, "tid-1", "1A0F1-XYZ", &answer), CMP_AUTH_ACCEPT);
    assert_int_equal(ask(b, "k-plain", signature, "tid-2", "1A0F1-XYZ", &answer), CMP_AUTH_REJECT);
    assert_int_equal(ask(b, "k-plain", signature, "tid-1", "1a0f1-XYZ", &answer), CMP_AUTH_REJECT);
    assert_int_equal(ask(b, "k-plain", signature, "1A0F1-XYZ", "tid-1", &answer), CMP_AUTH_REJECT);
    for (size_t i = 0; i < signature.size; i++) {
        text[i] ^= 1; /* another hex digit */
        assert_int_equal(ask(b, "k-plain", signature, "tid-1", "1A0F1-XYZ", &answer),
                         CMP_AUTH_REJECT);
        text[i] ^= 1;
    }
    assert_int_equal(ask(b, "k-repeat", signature, "tid-1", "1A0F1-XYZ", &answer), CMP_AUTH_REJECT);
}

static cmp_auth_verdict ask_with(bench *b, const char *id, const char *secret)
{
    char text[KIT_SIGNATURE_TEXT_MAX];
    cmp_auth_answer answer;
    const cmp_str signature = signed_by(secret, CMP_HASH_SHA256, TID_NOW, ICI, text);
    return ask(b, id, signature, TID_NOW, ICI, &answer);
}

/* The keyring is another one from a moment on: what was good is not, and the other way round. */
static void keys_that_change(void **state)
{
    bench *b = *state;
    static const cmp_key others[] = {
        {KEY("k-plain", "b", CMP_KEY_ISSUED, "another secret", ALWAYS)},
        {KEY("k-new", "c", CMP_KEY_ISSUED, "new secret", ALWAYS)},
    };
    assert_int_equal(ask_with(b, "k-plain", "plain secret"), CMP_AUTH_ACCEPT);
    assert_int_equal(ask_with(b, "k-new", "new secret"), CMP_AUTH_REJECT);
    cmp_test_hold(b->host, true); /* until the worker is between two requests */
    cmp_test_keys(b->host, others, COUNT(others));
    assert_int_equal(ask_with(b, "k-plain", "plain secret"), CMP_AUTH_ACCEPT);
    cmp_test_run(b->host, 0);
    assert_int_equal(ask_with(b, "k-plain", "plain secret"), CMP_AUTH_REJECT);
    assert_int_equal(ask_with(b, "k-plain", "another secret"), CMP_AUTH_ACCEPT);
    assert_int_equal(ask_with(b, "k-new", "new secret"), CMP_AUTH_ACCEPT);
    cmp_test_keys(b->host, NULL, 0);
    cmp_test_run(b->host, 0);
    assert_int_equal(ask_with(b, "k-new", "new secret"), CMP_AUTH_REJECT);
}

/* Each worker makes keys ready while nobody else is served: only those that are others than before.
 */
static void keys_that_stay(void **state)
{
    bench *b = *state;
    cmp_key others[COUNT(keys) + 1];
    memcpy(others, keys, sizeof(keys));
    others[COUNT(keys)] = (cmp_key){KEY("k-new", "c", CMP_KEY_ISSUED, "new secret", ALWAYS)};
    prepared = 0;
    cmp_test_keys(b->host, others, COUNT(others));
    cmp_test_run(b->host, 0);
    assert_int_equal(prepared, 1);
    assert_int_equal(ask_with(b, "k-new", "new secret"), CMP_AUTH_ACCEPT);
    assert_int_equal(ask_with(b, "k-plain", "plain secret"), CMP_AUTH_ACCEPT);
    /* Others in all but the id; and one that is there twice, as its window may be two. */
    assert_string_equal(others[0].id.at, "k-plain");
    others[0].hash = CMP_HASH_SHA1;
    others[1].secret = (const uint8_t *)"repeat Secret";
    others[COUNT(keys)] = others[4];
    others[COUNT(keys)].peer = CMP_STR("d");
    prepared = 0;
    cmp_test_keys(b->host, others, COUNT(others));
    cmp_test_run(b->host, 0);
    assert_int_equal(prepared, 3);
    assert_int_equal(ask_with(b, "k-plain", "plain secret"), CMP_AUTH_REJECT);
    assert_int_equal(ask_with(b, "k-repeat", "repeat secret"), CMP_AUTH_REJECT);
    assert_int_equal(ask_with(b, "k-repeat", "repeat Secret"), CMP_AUTH_ACCEPT);
    assert_int_equal(ask_with(b, "k-new", "new secret"), CMP_AUTH_REJECT);
    cmp_auth_answer answer;
    char text[KIT_SIGNATURE_TEXT_MAX];
    const cmp_str signature = signed_by("plain secret", CMP_HASH_SHA1, TID_NOW, ICI, text);
    assert_int_equal(ask(b, "k-plain", signature, TID_NOW, ICI, &answer), CMP_AUTH_ACCEPT);
}

static void an_empty_keyring_refuses_everybody(void **state)
{
    (void)state;
    static bench b;
    open_with(&b, NULL, 0);
    cmp_auth_answer answer;
    assert_int_equal(ask_signed(&b, "k-plain", TID_NOW, ICI, &answer), CMP_AUTH_REJECT);
    assert_string_equal(answer.reason, "unknown apikeyid");
    cmp_test_op *op = cmp_test_sign(b.host, "c", TID_NOW, ICI);
    assert_int_equal(cmp_test_verdict(op), CMP_SIGN_NO_KEY);
    cmp_test_end(&op);
    void *opened = &b;
    close_plugin(&opened);
}

/* ---- acceptance ---- */

static void accepts_every_key_that_holds(void **state)
{
    static const struct {
        const char *id, *tid, *peer;
        cmp_once once;
    } cases[] = {
        {"k-plain", "t", "b", CMP_ONCE_ONLY},      {"k-repeat", "t", "b", CMP_ONCE_IDENTICAL},
        {"k-sha1", TID_NOW, "c", CMP_ONCE_ONLY},   {"k-sha384", TID_NOW, "c", CMP_ONCE_ONLY},
        {"k-sha512", TID_NOW, "c", CMP_ONCE_ONLY}, {"k-uuid", TID_V4, "b", CMP_ONCE_ONLY},
        {"k-uuid", TID_NCS, "b", CMP_ONCE_ONLY},   {"k-v7", TID_OLD, "b", CMP_ONCE_ONLY},
        {"k-fresh", TID_NOW, "b", CMP_ONCE_ONLY},  {"k-fresh", TID_EDGE, "b", CMP_ONCE_ONLY},
    };
    bench *b = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        cmp_auth_answer answer;
        assert_int_equal(ask_signed(b, cases[i].id, cases[i].tid, ICI, &answer), CMP_AUTH_ACCEPT);
        assert_null(answer.reason);
        assert_true(cmp_str_equal(answer.peer, cmp_str_from(cases[i].peer)));
        assert_true(cmp_str_equal(answer.credential, cmp_str_from(cases[i].id)));
        assert_int_equal(answer.once, cases[i].once);
    }
}

static void windows_count_at_the_time_of_the_request(void **state)
{
    bench *b = *state;
    cmp_auth_answer answer;
    cmp_test_time(b->txn, NOW_MS - 1);
    assert_int_equal(ask_signed(b, "k-expired", TID_NOW, ICI, &answer), CMP_AUTH_ACCEPT);
    cmp_test_time(b->txn, NOW_MS + 1);
    assert_int_equal(ask_signed(b, "k-future", TID_NOW, ICI, &answer), CMP_AUTH_ACCEPT);
    cmp_test_time(b->txn, NOW_MS + 5 * MINUTE_MS + 1);
    assert_int_equal(ask_signed(b, "k-fresh", TID_NOW, ICI, &answer), CMP_AUTH_REJECT);
}

/* ---- fingerprints ---- */

static void boundary_twins_have_one_fingerprint(void **state)
{
    bench *b = *state;
    static const char *const twins[][2] = {{"ab", "c"}, {"a", "bc"}};
    cmp_auth_answer first, second;
    assert_int_equal(ask_signed(b, "k-plain", twins[0][0], twins[0][1], &first), CMP_AUTH_ACCEPT);
    assert_int_equal(ask_signed(b, "k-plain", twins[1][0], twins[1][1], &second), CMP_AUTH_ACCEPT);
    assert_memory_equal(first.fingerprint, second.fingerprint, sizeof(first.fingerprint));
}

static void fingerprints_tell_the_text_of_a_signature_never(void **state)
{
    bench *b = *state;
    cmp_auth_answer hex, upper;
    char text[KIT_SIGNATURE_TEXT_MAX];
    const cmp_str signature = signed_by("plain secret", CMP_HASH_SHA256, "t", "i", text);
    assert_int_equal(ask(b, "k-plain", signature, "t", "i", &hex), CMP_AUTH_ACCEPT);
    for (size_t i = 0; i < signature.size; i++) {
        text[i] = (char)(text[i] >= 'a' ? text[i] - 'a' + 'A' : text[i]);
    }
    assert_int_equal(ask(b, "k-plain", signature, "t", "i", &upper), CMP_AUTH_ACCEPT);
    assert_memory_equal(hex.fingerprint, upper.fingerprint, sizeof(hex.fingerprint));
}

static void different_requests_and_keys_have_different_fingerprints(void **state)
{
    bench *b = *state;
    cmp_auth_answer first, second;
    assert_int_equal(ask_signed(b, "k-plain", "t1", ICI, &first), CMP_AUTH_ACCEPT);
    assert_int_equal(ask_signed(b, "k-plain", "t2", ICI, &second), CMP_AUTH_ACCEPT);
    assert_memory_not_equal(first.fingerprint, second.fingerprint, sizeof(first.fingerprint));
    /* The same secret under another id: another key, hence no replay. */
    assert_int_equal(ask_signed(b, "k-uuid", TID_NOW, ICI, &first), CMP_AUTH_ACCEPT);
    assert_int_equal(ask_signed(b, "k-v7", TID_NOW, ICI, &second), CMP_AUTH_ACCEPT);
    assert_memory_not_equal(first.fingerprint, second.fingerprint, sizeof(first.fingerprint));
}

static void fingerprints_outlive_the_instance(void **state)
{
    bench *b = *state;
    cmp_auth_answer first, second;
    assert_int_equal(ask_signed(b, "k-plain", "t1", ICI, &first), CMP_AUTH_ACCEPT);
    cmp_test_close(b->host);
    assert_true(cmp_test_open(b->host, &cmp_plugin_descriptor, NULL));
    assert_int_equal(ask_signed(b, "k-plain", "t1", ICI, &second), CMP_AUTH_ACCEPT);
    assert_memory_equal(first.fingerprint, second.fingerprint, sizeof(first.fingerprint));
}

/* ---- signing ---- */

static cmp_sign_verdict sign_for(bench *b, const char *peer, cmp_signature *signature)
{
    cmp_test_op *op = cmp_test_sign(b->host, peer, TID_NOW, ICI);
    const cmp_sign_verdict verdict = (cmp_sign_verdict)cmp_test_verdict(op);
    *signature = *cmp_test_signature(op);
    cmp_test_end(&op);
    return verdict;
}

static void signs_only_for_peers_with_a_key(void **state)
{
    cmp_signature signature;
    assert_int_equal(sign_for(*state, "b", &signature), CMP_SIGN_NO_KEY); /* it has issued ones */
    assert_int_equal(sign_for(*state, "nobody", &signature), CMP_SIGN_NO_KEY);
    assert_int_equal(sign_for(*state, "", &signature), CMP_SIGN_NO_KEY);
}

static void what_is_signed_verifies(void **state)
{
    bench *b = *state;
    cmp_auth_answer answer;
    cmp_signature signature;
    assert_int_equal(sign_for(b, "c", &signature), CMP_SIGN_DONE);
    assert_true(cmp_str_equal(signature.apikeyid, CMP_STR("to-c")));
    assert_int_equal(signature.size, 128);
    assert_int_equal(ask(b, "k-sha512", (cmp_str){signature.text, signature.size}, TID_NOW, ICI,
                         &answer),
                     CMP_AUTH_ACCEPT);

    assert_int_equal(sign_for(b, "d", &signature), CMP_SIGN_DONE);
    assert_int_equal(signature.size, 44); /* base64, as the key says */
    assert_int_equal(ask(b, "k-plain", (cmp_str){signature.text, signature.size}, TID_NOW, ICI,
                         &answer),
                     CMP_AUTH_ACCEPT);
}

static void signs_with_the_newest_valid_key(void **state)
{
    (void)state;
    static const cmp_key received[] = {
        {KEY("oldest", "b", CMP_KEY_RECEIVED, "s1", NOW_MS - 3000, INT64_MAX)},
        {KEY("newest", "b", CMP_KEY_RECEIVED, "s2", NOW_MS - 1000, NOW_MS + 1000)},
        {KEY("older", "b", CMP_KEY_RECEIVED, "s3", NOW_MS - 2000, INT64_MAX)},
        {KEY("future", "b", CMP_KEY_RECEIVED, "s4", NOW_MS + 5000, INT64_MAX)},
        {KEY("later", "b", CMP_KEY_RECEIVED, "s5", NOW_MS - 2000, INT64_MAX)},
        {KEY("others", "c", CMP_KEY_RECEIVED, "s6", NOW_MS - 1, INT64_MAX)},
    };
    static bench b;
    open_with(&b, received, COUNT(received));

    static const struct {
        int64_t at_ms;
        const char *id;
    } cases[] = {{0, "newest"}, {1000, "newest"}, {1001, "later"}, {5000, "future"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        cmp_signature signature;
        cmp_test_set_time(b.host, NOW_MS + cases[i].at_ms);
        assert_int_equal(sign_for(&b, "b", &signature), CMP_SIGN_DONE);
        assert_true(cmp_str_equal(signature.apikeyid, cmp_str_from(cases[i].id)));
    }
    cmp_signature signature;
    cmp_test_set_time(b.host, NOW_MS - 3001);
    assert_int_equal(sign_for(&b, "b", &signature), CMP_SIGN_NO_KEY);
    void *opened = &b;
    close_plugin(&opened);
}

static void many_keys_are_all_found(void **state)
{
    (void)state;
    enum { MANY = 500 };
    static cmp_key many[MANY];
    static char ids[MANY][8];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof(ids[i]), "k-%zu", i);
        many[i] = (cmp_key){KEY("", "b", CMP_KEY_ISSUED, "plain secret", ALWAYS)};
        many[i].id = cmp_str_from(ids[i]);
    }
    static bench b;
    open_with(&b, many, MANY);
    char text[KIT_SIGNATURE_TEXT_MAX];
    const cmp_str signature = signed_by("plain secret", CMP_HASH_SHA256, TID_NOW, ICI, text);
    for (size_t i = 0; i < MANY; i++) {
        cmp_auth_answer answer;
        assert_int_equal(ask(&b, ids[i], signature, TID_NOW, ICI, &answer), CMP_AUTH_ACCEPT);
        assert_true(cmp_str_equal(answer.credential, many[i].id));
    }
    void *opened = &b;
    close_plugin(&opened);
}

#define WITH_PLUGIN(test) cmocka_unit_test_setup_teardown(test, open_plugin, close_plugin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLUGIN(refuses_with_its_reason),
        WITH_PLUGIN(refuses_signatures_that_are_none),
        WITH_PLUGIN(refuses_what_was_changed),
        cmocka_unit_test(an_empty_keyring_refuses_everybody),
        WITH_PLUGIN(keys_that_change),
        WITH_PLUGIN(keys_that_stay),
        WITH_PLUGIN(accepts_every_key_that_holds),
        WITH_PLUGIN(windows_count_at_the_time_of_the_request),
        WITH_PLUGIN(boundary_twins_have_one_fingerprint),
        WITH_PLUGIN(fingerprints_tell_the_text_of_a_signature_never),
        WITH_PLUGIN(different_requests_and_keys_have_different_fingerprints),
        WITH_PLUGIN(fingerprints_outlive_the_instance),
        WITH_PLUGIN(signs_only_for_peers_with_a_key),
        WITH_PLUGIN(what_is_signed_verifies),
        cmocka_unit_test(signs_with_the_newest_valid_key),
        cmocka_unit_test(many_keys_are_all_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
