/* SPDX-License-Identifier: Apache-2.0 */
/* http/certificate.c and the listener's contexts of http/tls.c: what a client shows in a real
 * handshake, and what is left of it when the session is resumed. */
#include "http/certificate.h"
#include "http/tls.h"

#include "https_server.h"
#include "scratch.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* ---- certificates ---- */

static EVP_PKEY *read_key(const char *name)
{
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    assert_non_null(key);
    return key;
}

/* Two names in one, for whom ends texts at a NUL. */
static GENERAL_NAME *cut_name(void)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, "b.example.net\0.other", 20);
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    return name;
}

/* Makes strange.pem and strange.key: signed by itself, with names of every kind. */
static void make_strange(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME *subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const uint8_t *)"M\xC3\xBCller, Inc",
                               -1, -1, 0);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)"b", -1, -1, 0);
    X509_set_issuer_name(x, subject);
    X509_set_pubkey(x, key);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                                            "DNS:b.example.net,URI:spiffe://example.net/"
                                            "b,email:b@example.net,IP:192.0.2.7,IP:2001:db8::7,"
                                            "RID:1.2.3");
    assert_non_null(e);
    GENERAL_NAMES *names = X509V3_EXT_d2i(e);
    sk_GENERAL_NAME_push(names, cut_name());
    assert_int_equal(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0), 1);
    GENERAL_NAMES_free(names);
    X509_EXTENSION_free(e);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    FILE *file = fopen("strange.pem", "w");
    assert_int_equal(PEM_write_X509(file, x), 1);
    fclose(file);
    file = fopen("strange.key", "w");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
}

/* ---- handshakes ---- */

static SSL_SESSION *ticket; /* the client's last one */

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(ticket);
    ticket = session;
    return 1;
}

static SSL_CTX *server_context(conf_client_certificate asked, const char *ca)
{
    const conf_listener l = {.name = "peers",
                             .tls = {.certificate = "good.pem",
                                     .key = "good.key",
                                     .client_certificate = (int)asked,
                                     .client_ca = ca}};
    cmp_report report;
    report_init(&report);
    listener_tls *t = listener_tls_create(NULL, &l, "listeners[0]", &report);
    SSL_CTX *ctx = listener_tls_context(t);
    listener_tls_unref(&t);
    report_dispose(&report);
    assert_non_null(ctx);
    SSL_CTX_set_info_callback(ctx, NULL); /* there is no connection of libh2o's here */
    return ctx;
}

static SSL_CTX *client_context(int version, const char *certificate, const char *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(ctx, on_ticket);
    if (certificate != NULL) {
        EVP_PKEY *own = read_key(key);
        assert_int_equal(SSL_CTX_use_certificate_file(ctx, certificate, SSL_FILETYPE_PEM), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(ctx, own), 1);
        EVP_PKEY_free(own);
    }
    return ctx;
}

typedef struct pair {
    SSL *server, *client;
} pair;

/* False when the handshake failed. */
static bool shake(pair *p, SSL_CTX *server, SSL_CTX *client, SSL_SESSION *resume)
{
    BIO *ours, *theirs;
    char unused;
    p->server = SSL_new(server);
    p->client = SSL_new(client);
    assert_int_equal(BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
    SSL_set_bio(p->server, ours, ours);
    SSL_set_bio(p->client, theirs, theirs);
    SSL_set_accept_state(p->server);
    SSL_set_connect_state(p->client);
    if (resume != NULL) {
        assert_int_equal(SSL_set_session(p->client, resume), 1);
    }
    for (int i = 0; i < 10; i++) {
        SSL_do_handshake(p->client);
        SSL_do_handshake(p->server);
        SSL_read(p->client, &unused, 1); /* TLS 1.3 sends tickets, and refusals, afterwards */
    }
    return SSL_is_init_finished(p->server) == 1;
}

static void part(pair *p)
{
    SSL_shutdown(p->client); /* or OpenSSL would not resume what ended so */
    SSL_free(p->server);
    SSL_free(p->client);
}

/* ---- what is shown ---- */

static void assert_name(const cmp_certificate *c, size_t at, const char *kind, const char *name)
{
    assert_true(at < c->name_count);
    assert_true(cmp_str_equal(c->names[at].name, cmp_str_from(kind)));
    assert_true(cmp_str_equal(c->names[at].value, cmp_str_from(name)));
}

static void assert_strange(const cmp_certificate *c)
{
    X509 *x = NULL;
    FILE *file = fopen("strange.pem", "r");
    uint8_t fingerprint[EVP_MAX_MD_SIZE];
    unsigned size;
    assert_non_null(c);
    assert_non_null(PEM_read_X509(file, &x, NULL, NULL));
    fclose(file);
    X509_digest(x, EVP_sha256(), fingerprint, &size);
    X509_free(x);
    assert_memory_equal(c->fingerprint, fingerprint, sizeof(c->fingerprint));
    assert_true(cmp_str_equal(c->subject, CMP_STR("CN=b,O=M\xC3\xBCller\\, Inc")));
    assert_int_equal(c->name_count, 5);
    assert_name(c, 0, "dns", "b.example.net");
    assert_name(c, 1, "uri", "spiffe://example.net/b");
    assert_name(c, 2, "email", "b@example.net");
    assert_name(c, 3, "ip", "192.0.2.7");
    assert_name(c, 4, "ip", "2001:db8::7");
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* First a whole handshake, then one that resumes its session: both have to show the same. */
static void shows(const char *certificate, const char *key, conf_client_certificate asked,
                  const char *ca, bool verified, void (*check)(const cmp_certificate *c))
{
    for (size_t v = 0; v < 2; v++) {
        SSL_CTX *server = server_context(asked, ca);
        SSL_CTX *client = client_context(versions[v], certificate, key);
        for (int resumes = 0; resumes < 2; resumes++) {
            pair p;
            assert_true(shake(&p, server, client, resumes ? ticket : NULL));
            assert_int_equal(SSL_session_reused(p.server), resumes);
            shown_certificate *c = certificate_read(p.server);
            if (check != NULL) {
                assert_int_equal(certificate_shown(c)->verified, verified);
                check(certificate_shown(c));
            } else {
                assert_null(c);
            }
            certificate_destroy(&c);
            assert_null(c);
            part(&p);
        }
        SSL_SESSION_free(ticket);
        ticket = NULL;
        SSL_CTX_free(client);
        SSL_CTX_free(server);
    }
}

static void assert_client(const cmp_certificate *c)
{
    assert_true(cmp_str_equal(c->subject, CMP_STR("CN=client")));
}

static void a_good_one_is_verified(void **state)
{
    (void)state;
    shows("client.pem", "client.key", CONF_CLIENT_CERTIFICATE_REQUIRED, "ca.pem", true,
          assert_client);
    shows("client.pem", "client.key", CONF_CLIENT_CERTIFICATE_OPTIONAL, "ca.pem", true,
          assert_client);
}

static void one_that_nobody_signed_is_shown_as_such(void **state)
{
    (void)state;
    shows("strange.pem", "strange.key", CONF_CLIENT_CERTIFICATE_OPTIONAL, "ca.pem", false,
          assert_strange);
    shows("strange.pem", "strange.key", CONF_CLIENT_CERTIFICATE_OPTIONAL, NULL, false,
          assert_strange);
    shows("client.pem", "client.key", CONF_CLIENT_CERTIFICATE_OPTIONAL, "other-ca.pem", false,
          assert_client);
}

static void none_is_none(void **state)
{
    (void)state;
    shows(NULL, NULL, CONF_CLIENT_CERTIFICATE_OPTIONAL, "ca.pem", false, NULL);
    shows("client.pem", "client.key", CONF_CLIENT_CERTIFICATE_NONE, NULL, false, NULL);
}

static void required_means_a_good_one(void **state)
{
    static const char *const bad[][2] = {{NULL, NULL},
                                         {"strange.pem", "strange.key"},
                                         {"expired.pem", "expired.key"}};
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        SSL_CTX *server = server_context(CONF_CLIENT_CERTIFICATE_REQUIRED, "ca.pem");
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            SSL_CTX *client = client_context(versions[v], bad[i][0], bad[i][1]);
            pair p;
            assert_false(shake(&p, server, client, NULL));
            part(&p);
            SSL_CTX_free(client);
        }
        SSL_CTX_free(server);
    }
}

/* A context that is made anew may take over the keys of tickets: who was let in without a good
 * certificate is not let in by his ticket where one is demanded, or another CA's. */
static void a_ticket_is_good_where_it_was_made(void **state)
{
    static const struct {
        conf_client_certificate asked;
        const char *ca;
        bool resumes;
    } then[] = {
        {CONF_CLIENT_CERTIFICATE_OPTIONAL, "ca.pem", true},
        {CONF_CLIENT_CERTIFICATE_OPTIONAL, "other-ca.pem", false},
        {CONF_CLIENT_CERTIFICATE_REQUIRED, "ca.pem", false},
        {CONF_CLIENT_CERTIFICATE_NONE, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(then) / sizeof(then[0]); i++) {
        unsigned char keys[80];
        SSL_CTX *first = server_context(CONF_CLIENT_CERTIFICATE_OPTIONAL, "ca.pem");
        SSL_CTX *second = server_context(then[i / 2].asked, then[i / 2].ca);
        SSL_CTX *client = client_context(versions[i % 2], "client.pem", "client.key");
        pair p;
        assert_int_equal(SSL_CTX_get_tlsext_ticket_keys(first, keys, sizeof(keys)), 1);
        assert_int_equal(SSL_CTX_set_tlsext_ticket_keys(second, keys, sizeof(keys)), 1);
        assert_true(shake(&p, first, client, NULL));
        part(&p);
        assert_true(shake(&p, second, client, ticket));
        assert_int_equal(SSL_session_reused(p.server), then[i / 2].resumes);
        part(&p);
        SSL_SESSION_free(ticket);
        ticket = NULL;
        SSL_CTX_free(client);
        SSL_CTX_free(second);
        SSL_CTX_free(first);
    }
}

static int setup(void **state)
{
    if (scratch_enter(state) != 0) {
        return 1;
    }
    https_make_certificates();
    make_strange();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one_is_verified),
        cmocka_unit_test(one_that_nobody_signed_is_shown_as_such),
        cmocka_unit_test(none_is_none),
        cmocka_unit_test(required_means_a_good_one),
        cmocka_unit_test(a_ticket_is_good_where_it_was_made),
    };
    return cmocka_run_group_tests(tests, setup, scratch_leave);
}
