/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of revocation lists: handshakes take what the control thread has read, and never read or
 * check it themselves. */
#include "base/revocation.h"

#include "base/crl.h"
#include "base/trust.h"
#include "scratch.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

static int enter(void **state)
{
    if (scratch_enter(state) != 0) {
        return 1;
    }
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "
        "-subj /CN=ca -keyout ca.key -out ca.pem 2>/dev/null && "
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=leaf "
        "-keyout leaf.key -out leaf.csr 2>/dev/null && "
        "openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 0x1003 -days 10 "
        "-out leaf.pem 2>/dev/null && "
        "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\ndefault_md=sha256\\n' >ca.cnf");
    return 0;
}

/* A list that speaks of these serial numbers. */
static void make_list(const char *file, const char *serials)
{
    char command[512];
    snprintf(
        command, sizeof(command),
        "for s in %s; do printf 'R\\t400101000000Z\\t250101000000Z\\t%%s\\tunknown\\t/CN=x%%s\\n' "
        "$s $s; done >index && openssl ca -gencrl -config ca.cnf -cert ca.pem -keyfile ca.key "
        "-crldays 10 -out new.crl 2>/dev/null && mv new.crl %s",
        serials, file);
    run(command);
}

static SSL_CTX *client(const char *crl)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_true(trust_set(ctx, "ca.pem"));
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    assert_true(revocation_set(ctx, crl));
    return ctx;
}

static bool shakes_hands(SSL_CTX *client)
{
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate_file(server, "leaf.pem", SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(server, "leaf.key", SSL_FILETYPE_PEM), 1);
    SSL *a = SSL_new(client), *b = SSL_new(server);
    BIO *of_a, *of_b;
    assert_int_equal(BIO_new_bio_pair(&of_a, 0, &of_b, 0), 1);
    SSL_set_bio(a, of_a, of_a);
    SSL_set_bio(b, of_b, of_b);
    SSL_set_connect_state(a);
    SSL_set_accept_state(b);
    for (int i = 0; i < 10; i++) {
        SSL_do_handshake(a);
        SSL_do_handshake(b);
    }
    const bool good = SSL_is_init_finished(a) && SSL_get_verify_result(a) == X509_V_OK;
    SSL_free(a);
    SSL_free(b);
    SSL_CTX_free(server);
    ERR_clear_error();
    return good;
}

/* What has changed is read at the second look that finds it so. */
static void look_twice(void)
{
    revocation_look();
    revocation_look();
}

static void a_handshake_reads_nothing(void **state)
{
    (void)state;
    make_list("a.crl", "");
    SSL_CTX *one = client("a.crl"), *two = client("a.crl");
    assert_true(shakes_hands(one) && shakes_hands(two));
    make_list("a.crl", "1003");
    assert_true(shakes_hands(one));
    revocation_look();
    assert_true(shakes_hands(one));
    revocation_look();
    assert_false(shakes_hands(one));
    assert_false(shakes_hands(two));
    SSL_CTX_free(one);
    look_twice();
    assert_false(shakes_hands(two));
    make_list("a.crl", "1002");
    look_twice();
    assert_true(shakes_hands(two));
    SSL_CTX_free(two);
    look_twice();
}

static void a_bad_list_leaves_the_old_one(void **state)
{
    (void)state;
    make_list("a.crl", "1003");
    SSL_CTX *ctx = client("a.crl");
    run("echo no list >a.crl");
    look_twice();
    assert_false(shakes_hands(ctx));
    SSL_CTX *more = SSL_CTX_new(TLS_client_method());
    assert_false(revocation_set(more, "a.crl"));
    assert_false(shakes_hands(ctx));
    make_list("a.crl", "1004");
    assert_true(revocation_set(more, "a.crl")); /* which has it read for all */
    assert_true(shakes_hands(ctx));
    SSL_CTX_free(more);
    SSL_CTX_free(ctx);
    look_twice();
}

static X509_CRL *read_list(const char *file)
{
    BIO *from = BIO_new_file(file, "r");
    X509_CRL *crl = crl_read(from);
    BIO_free(from);
    assert_non_null(crl);
    return crl;
}

static EVP_PKEY *key_of(const char *file)
{
    BIO *from = BIO_new_file(file, "r");
    EVP_PKEY *key = PEM_read_bio_PrivateKey(from, NULL, NULL, NULL);
    BIO_free(from);
    assert_non_null(key);
    return key;
}

static void a_signature_is_checked_once(void **state)
{
    (void)state;
    make_list("a.crl", "1003");
    X509_CRL *crl = read_list("a.crl");
    EVP_PKEY *ca = key_of("ca.key"), *other = key_of("leaf.key");
    assert_int_equal(X509_CRL_verify(crl, other), 0);
    assert_int_equal(X509_CRL_verify(crl, ca), 1);
    assert_null(crl_signer(crl)); /* who asks may be anybody */
    crl_prove(crl, other);
    assert_null(crl_signer(crl));
    crl_prove(crl, ca);
    assert_ptr_equal(crl_signer(crl), ca);
    crl_prove(crl, other);
    assert_ptr_equal(crl_signer(crl), ca);
    EVP_PKEY *again = key_of("ca.key");
    assert_int_equal(X509_CRL_verify(crl, again), 1);
    assert_ptr_equal(crl_signer(crl), ca);
    assert_int_equal(X509_CRL_verify(crl, other), 0);
    EVP_PKEY_free(again);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ca);
    X509_CRL_free(crl);
    ERR_clear_error();
}

/* The octet that is changed is one of the serial number. */
static void a_forged_list_is_nobodys(void **state)
{
    (void)state;
    make_list("a.crl", "10037777");
    run("openssl crl -in a.crl -outform DER | LC_ALL=C sed 's/ww/wx/' | "
        "openssl crl -inform DER -out forged.crl");
    X509_CRL *crl = read_list("forged.crl");
    EVP_PKEY *ca = key_of("ca.key");
    assert_int_equal(X509_CRL_verify(crl, ca), 0);
    assert_null(crl_signer(crl));
    EVP_PKEY_free(ca);
    X509_CRL_free(crl);
    SSL_CTX *ctx = client("forged.crl");
    assert_false(shakes_hands(ctx));
    SSL_CTX_free(ctx);
    look_twice();
    ERR_clear_error();
}

static int is_in(X509_CRL *crl, long number)
{
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    ASN1_INTEGER_set(serial, number);
    X509_REVOKED *found = NULL;
    const int result = X509_CRL_get0_by_serial(crl, &found, serial);
    assert_int_equal(found != NULL, result);
    ASN1_INTEGER_free(serial);
    return result;
}

static void a_list_is_sorted_when_it_is_read(void **state)
{
    (void)state;
    make_list("a.crl", "1009 0003 1003 7FFFFF 0100");
    X509_CRL *crl = read_list("a.crl");
    assert_true(sk_X509_REVOKED_is_sorted(X509_CRL_get_REVOKED(crl)));
    assert_true(is_in(crl, 0x1009) && is_in(crl, 3) && is_in(crl, 0x1003));
    assert_true(is_in(crl, 0x7fffff) && is_in(crl, 0x100));
    assert_false(is_in(crl, 0x1004) || is_in(crl, 0) || is_in(crl, -3) || is_in(crl, 0x10031003));
    X509_CRL_free(crl);
    make_list("a.crl", "");
    crl = read_list("a.crl");
    assert_false(is_in(crl, 3));
    X509_CRL_free(crl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_reads_nothing),
        cmocka_unit_test(a_bad_list_leaves_the_old_one),
        cmocka_unit_test(a_signature_is_checked_once),
        cmocka_unit_test(a_forged_list_is_nobodys),
        cmocka_unit_test(a_list_is_sorted_when_it_is_read),
    };
    return cmocka_run_group_tests(tests, enter, scratch_leave);
}
