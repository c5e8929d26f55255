/* SPDX-License-Identifier: Apache-2.0 */
/* Plugin libraries that do not fit are refused, with a message that says what was wanted. */
#include "plugin/loader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TEST_PLUGINS TEST_BINARY_DIR "/tests/plugins"
#define OUR_PLUGINS  TEST_BINARY_DIR "/plugins"

#define ALL_SERVICES                                                                               \
    (CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD | CMP_SERVICE_KEYRING | CMP_SERVICE_PEERS)

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)
#define OUR_ABI         TEXT(CMP_ABI_MAJOR) "." TEXT(CMP_ABI_MINOR)

static loader *open_loader(uint32_t services)
{
    static const char *const folders[] = {TEST_PLUGINS, OUR_PLUGINS, "/nowhere", NULL};
    return loader_create(folders, services, LIBRARY_GUARDED);
}

static void refuses(void **state)
{
    static const struct {
        const char *name, *error; /* a part of it */
    } cases[] = {
        {"bad_major", "plugin ABI is 3.0, wanted 2.0 to " OUR_ABI},
        {"bad_minor",
         "newer than this host's, " OUR_ABI ": take a newer host, or build the plugin with this "
         "one's headers"},
        {"bad_size", "octets, wanted"},
        {"bad_symbol", "is no cmpd plugin: symbol cmp_plugin_descriptor not found"},
        {"bad_service", "plugin needs services 0x80000000"},
        {"bad_name", "plugin calls itself \"good_name\", wanted \"bad_name\""},
        {"bad_kind", "plugin kind is"},
        {"store_nowhere", "no store_nowhere.so in " TEST_PLUGINS ", " OUR_PLUGINS ", /nowhere"},
        {"../plugins/auth_hmac", "no ../plugins/auth_hmac.so in"},
        {"", "no .so in"},
    };
    (void)state;
    loader *l = open_loader(ALL_SERVICES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char error[1024] = "";
        assert_null(loader_load(l, cases[i].name, error, sizeof(error)));
        if (strstr(error, cases[i].error) == NULL) {
            fail_msg("%s: got \"%s\", wanted \"%s\"", cases[i].name, error, cases[i].error);
        }
    }
    loader_destroy(&l);
    assert_null(l);
}

static void names_the_file(void **state)
{
    (void)state;
    loader *l = open_loader(ALL_SERVICES);
    char error[1024] = "";
    assert_null(loader_load(l, "bad_major", error, sizeof(error)));
    assert_non_null(strstr(error, TEST_PLUGINS "/bad_major.so: refused:"));
    loader_destroy(&l);
}

static void refuses_a_plugin_that_needs_more_than_this_host_has(void **state)
{
    (void)state;
    loader *l = open_loader(0);
    char error[1024] = "";
    assert_null(loader_load(l, "auth_hmac", error, sizeof(error)));
    assert_non_null(strstr(error, "this host offers 0x0"));
    loader_destroy(&l);
}

static void loads_once(void **state)
{
    (void)state;
    loader *l = open_loader(ALL_SERVICES);
    char error[1024] = "";
    const cmp_plugin *plugin = loader_load(l, "auth_hmac", error, sizeof(error));
    assert_string_equal(error, "");
    assert_non_null(plugin);
    assert_string_equal(plugin->name, "auth_hmac");
    assert_ptr_equal(loader_load(l, "auth_hmac", error, sizeof(error)), plugin);
    loader_destroy(&l);
}

static void names_each_plugin_once_and_sorted(void **state)
{
    (void)state;
    static const char *const folders[] = {OUR_PLUGINS, TEST_PLUGINS, OUR_PLUGINS, NULL};
    loader *l = loader_create(folders, ALL_SERVICES, LIBRARY_GUARDED);
    char **names = loader_names(l);
    bool found = false;
    for (char **name = names; *name != NULL; name++) {
        found = found || strcmp(*name, "store_file") == 0;
        assert_true(name == names || strcmp(name[-1], name[0]) < 0);
    }
    assert_true(found);
    loader_names_free(&names);
    assert_null(names);
    loader_destroy(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),
        cmocka_unit_test(names_the_file),
        cmocka_unit_test(refuses_a_plugin_that_needs_more_than_this_host_has),
        cmocka_unit_test(loads_once),
        cmocka_unit_test(names_each_plugin_once_and_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
