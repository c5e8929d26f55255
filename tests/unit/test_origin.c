/* SPDX-License-Identifier: Apache-2.0 */
/* Origins of the outbound HTTPS client: which are refused, and who is at the other end. */
#include "outbound_rig.h"

/* ---- origins ---- */

static void test_bad_origins(void **state)
{
    (void)state;
    static const struct {
        const char *url, *server_name, *ca, *certificate, *source, *error;
    } cases[] = {
        {"http://a.test/", NULL, "ca.pem", NULL, NULL, "does not begin with https://"},
        {"https://", NULL, "ca.pem", NULL, NULL, "has no good host"},
        {"https://:443/", NULL, "ca.pem", NULL, NULL, "has no good host"},
        {"https://user@a.test/", NULL, "ca.pem", NULL, NULL, "has no good host"},
        {"https://[::1/", NULL, "ca.pem", NULL, NULL, "has no good host"},
        {"https://[a.test]/", NULL, "ca.pem", NULL, NULL, "has no good host"},
        {"https://a.test:0/", NULL, "ca.pem", NULL, NULL, "has no good port"},
        {"https://a.test:65536/", NULL, "ca.pem", NULL, NULL, "has no good port"},
        {"https://a.test:/", NULL, "ca.pem", NULL, NULL, "has no good port"},
        {"https://[::1]443/", NULL, "ca.pem", NULL, NULL, "has no good port"},
        {"https://a.test/p?q", NULL, "ca.pem", NULL, NULL, "behind the path"},
        {"https://a.test/p#f", NULL, "ca.pem", NULL, NULL, "behind the path"},
        {"https://a.test/p q", NULL, "ca.pem", NULL, NULL, "behind the path"},
        {"https://a.test/", "", "ca.pem", NULL, NULL, "is no host name"},
        {"https://a.test/", NULL, "missing.pem", NULL, NULL, "missing.pem: No such file"},
        {"https://a.test/", NULL, "ca.key", NULL, NULL, "cannot use the CA ca.key"},
        {"https://a.test/", NULL, "ca.pem", "missing.pem", NULL, "certificate missing.pem"},
        {"https://a.test/", NULL, "ca.pem", "good.pem", NULL, "key client.key"},
        {"https://a.test/", NULL, "ca.pem", NULL, "somewhere", "somewhere is no address"},
        {"https://127.0.0.1/", NULL, "ca.pem", NULL, "::1", "two address families"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char error[256] = "";
        const origin_options options = {.name = "peer",
                                        .url = cases[i].url,
                                        .server_name = cases[i].server_name,
                                        .ca = cases[i].ca,
                                        .certificate = cases[i].certificate,
                                        .key = cases[i].certificate != NULL ? "client.key" : NULL,
                                        .source = cases[i].source};
        assert_null(origin_create(&options, error, sizeof(error)));
        if (strstr(error, cases[i].error) == NULL) {
            fail_msg("%s: %s", cases[i].url, error);
        }
    }
}

static void test_origin_parts(void **state)
{
    (void)state;
    static const struct {
        const char *url, *authority, *path;
        uint16_t port;
    } cases[] = {
        {"https://a.test", "a.test", "/", 443},
        {"HTTPS://a.test:8443/x/y", "a.test:8443", "/x/y", 8443},
        {"https://[::1]:1/z", "[::1]:1", "/z", 1},
        {"https://localhost:65535/", "localhost:65535", "/", 65535},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char error[256];
        const origin_options options = {.name = "peer", .url = cases[i].url, .ca = "ca.pem"};
        origin *o = origin_create(&options, error, sizeof(error));
        assert_non_null(o);
        assert_string_equal(origin_authority(o), cases[i].authority);
        assert_string_equal(origin_path(o), cases[i].path);
        assert_int_equal(o->port, cases[i].port);
        assert_int_equal(origin_circuit(o), CIRCUIT_CLOSED);
        origin *second = origin_ref(o);
        origin_unref(&o);
        assert_null(o);
        origin_unref(&second);
    }
}

/* ---- who is at the other end ---- */

static void test_identity(void **state)
{
    (void)state;
    static const struct {
        const char *certificate, *ca, *host, *server_name;
        cmp_https_result result;
        const char *detail;
    } cases[] = {
        {"named", "ca.pem", "127.0.0.1", NULL, CMP_HTTPS_NOT_SENT, "IP address mismatch"},
        {"named", "ca.pem", "localhost", NULL, CMP_HTTPS_NOT_SENT, "hostname mismatch"},
        {"named", "ca.pem", "127.0.0.1", "peer.test", CMP_HTTPS_NOT_SENT, "hostname mismatch"},
        {"good", "ca.pem", "127.0.0.1", "127.0.0.2", CMP_HTTPS_NOT_SENT, "IP address mismatch"},
        {"good", "other-ca.pem", "127.0.0.1", NULL, CMP_HTTPS_NOT_SENT,
         "unable to get local issuer certificate"},
        {"expired", "ca.pem", "127.0.0.1", NULL, CMP_HTTPS_NOT_SENT, "certificate has expired"},
        {"good", "ca.pem", "127.0.0.1", NULL, CMP_HTTPS_ANSWERED, ""},
        {"good", "ca.pem", "localhost", NULL, CMP_HTTPS_ANSWERED, ""},
        {"good", "ca.pem", "localhost", "127.0.0.1", CMP_HTTPS_ANSWERED, ""},
        {"named", "ca.pem", "127.0.0.1", "other.test", CMP_HTTPS_ANSWERED, ""},
    };
    const size_t count = sizeof(cases) / sizeof(cases[0]);
    for (size_t i = 0; i < count * 4; i++) {
        const bool tls12 = (i & 1) != 0, http1 = (i & 2) != 0;
        https_server *s = https_start(
            &(https_options){.name = cases[i / 4].certificate, .tls12 = tls12, .http1 = http1});
        char url[64];
        origin_options options = options_for(https_port(s), url);
        snprintf(url, sizeof(url), "https://%s:%u/mc", cases[i / 4].host, https_port(s));
        options.ca = cases[i / 4].ca;
        options.server_name = cases[i / 4].server_name;
        rig r = rig_make(&options);
        const outcome out = ask(&r, "a=b");
        if (out.result != cases[i / 4].result || strcmp(out.detail, cases[i / 4].detail) != 0) {
            fail_msg("case %zu, TLS 1.%d: %d, %s", i / 4, tls12 ? 2 : 3, out.result, out.detail);
        }
        assert_int_equal(https_requests(s), out.result == CMP_HTTPS_ANSWERED ? 1 : 0);
        rig_end(&r);
        https_stop(&s);
    }
}

static void test_client_certificate(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        const bool tls12 = (i & 1) != 0, http1 = (i & 2) != 0, given = (i & 4) != 0;
        https_server *s = https_start(&(
            https_options){.name = "good", .tls12 = tls12, .http1 = http1, .client_wanted = true});
        char url[64];
        origin_options options = options_for(https_port(s), url);
        options.certificate = given ? "client.pem" : NULL;
        options.key = given ? "client.key" : NULL;
        rig r = rig_make(&options);
        const outcome out = ask(&r, NULL);
        assert_outcome(out, given ? CMP_HTTPS_ANSWERED : CMP_HTTPS_NOT_SENT);
        assert_string_equal(out.detail,
                            given ? "" : (tls12 ? "handshake failure" : "certificate required"));
        assert_int_equal(https_requests(s), given ? 1 : 0);
        rig_end(&r);
        https_stop(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_origins),
        cmocka_unit_test(test_origin_parts),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_client_certificate),
    };
    return cmocka_run_group_tests_name("origin", tests, outbound_enter, outbound_leave);
}
