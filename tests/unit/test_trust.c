/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of shared CA files: loaded once, loaded anew when they change, and gone with the last user.
 */
#include "base/trust.h"

#include "scratch.h"

#include <openssl/err.h>
#include <openssl/x509.h>

static SSL_CTX *trusting(const char *ca)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_true(trust_set(ctx, ca));
    return ctx;
}

static void make_ca(const char *file, const char *name)
{
    char command[512];
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "
             "-subj /CN=%s -keyout key.pem -out new.pem 2>/dev/null && mv new.pem %s",
             name, file);
    assert_int_equal(system(command), 0);
}

static int count_of(SSL_CTX *ctx)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx)));
}

static void one_file_is_one_store(void **state)
{
    (void)state;
    make_ca("a.pem", "a");
    make_ca("b.pem", "b");
    SSL_CTX *a = trusting("a.pem"), *again = trusting("a.pem"), *b = trusting("b.pem");
    assert_int_equal(count_of(a), 1);
    assert_ptr_equal(SSL_CTX_get_cert_store(a), SSL_CTX_get_cert_store(again));
    assert_ptr_not_equal(SSL_CTX_get_cert_store(a), SSL_CTX_get_cert_store(b));
    SSL_CTX_free(a);
    assert_int_equal(count_of(again), 1); /* it stays for who still uses it */
    SSL_CTX_free(again);
    SSL_CTX_free(b);
}

static void a_changed_file_is_for_new_contexts(void **state)
{
    (void)state;
    make_ca("a.pem", "a");
    SSL_CTX *before = trusting("a.pem");
    make_ca("a.pem", "another");
    SSL_CTX *after = trusting("a.pem");
    assert_ptr_not_equal(SSL_CTX_get_cert_store(before), SSL_CTX_get_cert_store(after));
    SSL_CTX_free(before);
    SSL_CTX *more = trusting("a.pem");
    assert_ptr_equal(SSL_CTX_get_cert_store(after), SSL_CTX_get_cert_store(more));
    SSL_CTX_free(after);
    SSL_CTX_free(more);
}

static void a_bad_file_is_nobodys(void **state)
{
    (void)state;
    scratch_write("bad.pem", "no certificate\n");
    static const char *const bad[] = {"bad.pem", "missing.pem"};
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        for (int times = 0; times < 2; times++) {
            assert_false(trust_set(ctx, bad[i]));
            assert_int_not_equal(ERR_peek_error(), 0);
            ERR_clear_error();
        }
        SSL_CTX_free(ctx);
    }
    make_ca("bad.pem", "mended");
    SSL_CTX_free(trusting("bad.pem"));
}

static void the_systems_own_is_shared(void **state)
{
    (void)state;
    make_ca("system.pem", "system");
    setenv(X509_get_default_cert_file_env(), "system.pem", 1);
    SSL_CTX *a = trusting(NULL), *b = trusting(NULL), *file = trusting("system.pem");
    assert_int_equal(count_of(a), 1);
    assert_ptr_equal(SSL_CTX_get_cert_store(a), SSL_CTX_get_cert_store(b));
    assert_ptr_not_equal(SSL_CTX_get_cert_store(a), SSL_CTX_get_cert_store(file));
    SSL_CTX_free(a);
    SSL_CTX_free(b);
    SSL_CTX_free(file);
    unsetenv(X509_get_default_cert_file_env());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file_is_one_store),
        cmocka_unit_test(a_changed_file_is_for_new_contexts),
        cmocka_unit_test(a_bad_file_is_nobodys),
        cmocka_unit_test(the_systems_own_is_shared),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
