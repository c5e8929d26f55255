/* SPDX-License-Identifier: Apache-2.0 */
/* Instances from their sections: with real plugins, and with everything that can be wrong. */
#include "plugin/section.h"

#include "observe/counters.h"
#include "pipeline/services.h"
#include "scratch.h"

#define HEAD                                                                                       \
    "listeners:\n"                                                                                 \
    "  - {name: a, bind: '127.0.0.1:1', interfaces: [mc-1], tls: {certificate: c, key: k}}\n"      \
    "resolve: {stores: [s]}\n"                                                                     \
    "plugins:\n"

/* A configuration, and what instances need beside it. */
typedef struct fixture {
    cmp_report report;
    conf *conf;
    loader *loader;
    cmp_host services;
    instance_site site;
    section_site section;
} fixture;

static void set_up(fixture *f, const char *text)
{
    static const char *const folders[] = {TEST_BINARY_DIR "/plugins",
                                          TEST_BINARY_DIR "/tests/plugins", NULL};
    *f = (fixture){.site = {.worker_count = 4}};
    scratch_write("cmpd.yaml", text);
    report_init(&f->report);
    f->conf = conf_load("cmpd.yaml", &f->report);
    assert_report(&f->report, "");
    instance_services(&f->services);
    pipeline_services(&f->services);
    f->loader = loader_create(folders, f->services.services, LIBRARY_GUARDED);
    f->section = (section_site){.conf = f->conf,
                                .loader = f->loader,
                                .services = &f->services,
                                .site = &f->site};
}

static bool open_first(fixture *f, instance **i)
{
    *i = section_open(&f->section, &f->conf->plugins[0], NULL, &f->report);
    return f->report.count == 0;
}

static void tear_down(fixture *f)
{
    loader_destroy(&f->loader);
    conf_destroy(&f->conf);
    report_dispose(&f->report);
}

static void errors_have_a_place(void **state)
{
    static const struct {
        const char *section, *error; /* after "cmpd.yaml:" */
    } cases[] = {
        {"  s: {use: store_memory}\n", "5:3: plugins.s.path: missing; expected a path\n"},
        {"  s: {use: store_memory, path: x, pth: y}\n", "plugins.s.pth: "},
        {"  s:\n    use: store_memory\n    path: bad\n",
         "7:11: plugins.s.path: content: is missing, and so is transferred_to\n"},
        {"  s: {use: store_memory, path: x, cache: {tl: 1s}}\n", "plugins.s.cache.tl: "},
        {"  s: {use: store_memory, path: x, cache: 5}\n", "plugins.s.cache: "},
        {"  s:\n    use: auth_vpn\n    links: []\n    cache: {ttl: 1s}\n",
         "8:5: plugins.s.cache: only a store has a cache; auth_vpn is of kind auth\n"},
        {"  s:\n    use: store_memri\n", "6:10: plugins.s.use: no store_memri.so in "},
        {"  s:\n    use: store_memri\n", "; did you mean \"store_memory\"?\n"},
        {"  s: {use: bad_major}\n", "plugin ABI is 3.0"},
        {"  s: {use: store_choice, as: refused}\n", "plugins.s.as: that cannot be\n"},
        {"  s: {use: store_choice, as: mute}\n", "store_choice could not be started"},
        {"  s: {use: store_choice, as: hollow}\n",
         "chose a descriptor that does not fit: descriptor lacks ops"},
        {"  s: {use: store_choice, as: foreign}\n",
         "chose a descriptor that does not fit: plugin calls itself"},
    };
    (void)state;
    scratch_write("bad", "{\"ici\":\"A\"}\n");
    for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        fixture f;
        instance *i;
        char text[512], *said = NULL;
        size_t size;
        snprintf(text, sizeof(text), HEAD "%s", cases[n].section);
        set_up(&f, text);
        assert_false(open_first(&f, &i));
        section_close(&i);
        FILE *to = open_memstream(&said, &size);
        report_print(&f.report, to);
        fclose(to);
        if (strncmp(said, "cmpd.yaml:", 10) != 0 || strstr(said, cases[n].error) == NULL) {
            fail_msg("got \"%s\", wanted \"%s\"", said, cases[n].error);
        }
        free(said);
        assert_null(f.report.scope);
        tear_down(&f);
    }
}

static void a_good_section_is_an_instance(void **state)
{
    (void)state;
    fixture f;
    instance *i;
    set_up(&f, HEAD "  s: {use: store_memory, path: store, secret: hush}\n");
    assert_true(open_first(&f, &i));
    assert_report(&f.report, "");
    assert_non_null(i->self);
    assert_string_equal(i->name, "s");
    assert_string_equal(i->plugin->name, "store_memory");
    assert_null(i->caches);
    const cmp_option *row = i->plugin->options;
    while (strcmp(row->name, "secret") != 0) {
        row++;
    }
    const char *secret = *(const char *const *)((const char *)i->options + row->offset);
    assert_string_equal(secret, "hush");
    section_close(&i);
    assert_null(i);
    tear_down(&f);
}

static void a_plugin_chooses_who_serves_an_instance(void **state)
{
    (void)state;
    static const char *const sections[] = {"  s: {use: store_choice, as: at-once}\n",
                                           "  s: {use: store_choice, as: pending}\n"};
    for (int n = 0; n < 2; n++) {
        fixture f;
        instance *i;
        char text[512];
        snprintf(text, sizeof(text), HEAD "%s", sections[n]);
        set_up(&f, text);
        assert_true(open_first(&f, &i));
        assert_non_null(i->rows); /* the plugin's: who serves has none */
        assert_null(i->plugin->options);
        assert_int_equal(i->plugin->ops.store->cancel != NULL, n == 1);
        section_close(&i);
        tear_down(&f);
    }
}

static void the_cache_is_shared_out_to_workers(void **state)
{
    (void)state;
    fixture f;
    instance *i;
    set_up(&f, HEAD "  s: {use: store_memory, path: store, cache: {size: 4M, ttl: 2s}}\n");
    assert_true(open_first(&f, &i));
    assert_non_null(i->caches);
    assert_int_equal(i->cache_settings.size_bytes, 1 << 20);
    assert_int_equal(i->cache_settings.ttl_ms, 2000);
    section_close(&i);
    tear_down(&f);
}

static void each_stores_cache_has_its_own_counters(void **state)
{
    (void)state;
    fixture f;
    instance *i, *other;
    set_up(&f, HEAD "  s: {use: store_memory, path: store, cache: {}}\n"
                    "  t: {use: store_memory, path: store, cache: {}}\n");
    assert_true(open_first(&f, &i));
    other = section_open(&f.section, &f.conf->plugins[1], NULL, &f.report);
    assert_report(&f.report, "");
    const instance_cache_counters *c = &i->cache_counters;
    assert_int_equal(counter_register("s", "cache_hits", ""), c->hits);
    assert_int_equal(counter_register("s", "cache_misses", ""), c->misses);
    assert_int_equal(counter_register("s", "cache_stale", ""), c->stale);
    assert_int_equal(counter_register("t", "cache_hits", ""), other->cache_counters.hits);
    assert_int_not_equal(c->hits, other->cache_counters.hits);
    section_close(&i);
    section_close(&other);
    tear_down(&f);
}

/* Opens the first section of another text, with `before` in force. */
static instance *open_next(fixture *f, fixture *next, const char *text, instance *before)
{
    set_up(next, text);
    loader_destroy(&next->loader);
    next->section.loader = f->loader;
    next->section.peers = peers_create(&next->conf->top);
    instance *i = section_open(&next->section, &next->conf->plugins[0], before, &next->report);
    assert_report(&next->report, "");
    peers_unref(&next->section.peers);
    return i;
}

static void what_has_not_changed_is_carried_over(void **state)
{
    (void)state;
    static const struct {
        const char *section;
        bool same;
    } cases[] = {
        {"  s: {use: store_memory, path: store, cache: {ttl: 2s}}\n", true},
        {"# another place\n\n  s: {cache: {ttl: 2000ms}, path: store, use: store_memory}\n", true},
        {"  s: {use: store_memory, path: store}\n", false},
        {"  s: {use: store_memory, path: store, cache: {ttl: 3s}}\n", false},
        {"  s: {use: store_memory, path: store, cache: {ttl: 2s}, secret: hush}\n", false},
        {"  s: {use: store_counting, path: count, cache: {ttl: 2s}}\n", false},
    };
    for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        fixture f, next;
        instance *i;
        char text[512];
        set_up(&f, HEAD "  s: {use: store_memory, path: store, cache: {ttl: 2s}}\n");
        assert_true(open_first(&f, &i));
        snprintf(text, sizeof(text), HEAD "%s", cases[n].section);
        instance *then = open_next(&f, &next, text, i);
        if ((then == i) != cases[n].same) {
            fail_msg("%s: carried over: %d", cases[n].section, then == i);
        }
        assert_int_equal(section_leave(i), then != i);
        if (then != i) {
            section_close(&i);
        }
        assert_true(section_leave(then));
        section_close(&then);
        tear_down(&next);
        tear_down(&f);
    }
}

static void a_file_that_a_path_names_is_part_of_it(void **state)
{
    (void)state;
    fixture f, next;
    instance *i;
    static const char code[] = "{\"ici\":\"A\",\"content\":\"https://a.example/\"}\n";
    scratch_write("codes", code);
    set_up(&f, HEAD "  s: {use: store_memory, path: codes}\n");
    assert_true(open_first(&f, &i));
    scratch_write("codes", code);
    instance *then = open_next(&f, &next, HEAD "  s: {use: store_memory, path: codes}\n", i);
    assert_ptr_not_equal(then, i);
    section_close(&i);
    section_close(&then);
    tear_down(&next);
    tear_down(&f);
}

static void who_looks_at_peers_sees_new_ones(void **state)
{
    (void)state;
    static const char first[] = "peers: [{name: b, host: b.example.net, prefixes: ['2B001']}]\n";
    static const struct {
        const char *use, *peers;
        bool same;
    } cases[] = {
        {"route_prefix",
         "peers: [{prefixes: ['2B001'], name: b, host: b.example.net, rate: 5/s}]\n", true},
        {"route_prefix", "peers: [{name: b, host: b.example.net, prefixes: ['2B002']}]\n", false},
        {"route_prefix", "peers: [{name: b, host: c.example.net, prefixes: ['2B001']}]\n", false},
        {"route_prefix", "", false},
        {"auth_hmac", "", true}, /* it looks at keys */
    };
    for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        fixture f, next, unused;
        char text[1024];
        snprintf(text, sizeof(text),
                 "%s" HEAD "  p: {use: %s}\n  s: {use: store_counting, path: count}\n", first,
                 cases[n].use);
        set_up(&unused, HEAD "  s: {use: store_counting, path: count}\n");
        instance *i = open_next(&unused, &f, text, NULL);
        snprintf(text, sizeof(text),
                 "%s" HEAD "  p: {use: %s}\n  s: {use: store_counting, path: count}\n",
                 cases[n].peers, cases[n].use);
        instance *then = open_next(&unused, &next, text, i);
        assert_int_equal(then == i, cases[n].same);
        if (then != i) {
            section_close(&i);
        }
        section_close(&then);
        tear_down(&next);
        tear_down(&f);
        tear_down(&unused);
    }
}

static void what_was_never_opened_can_be_closed(void **state)
{
    (void)state;
    instance *i = NULL;
    section_close(&i);
    assert_null(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_have_a_place),
        cmocka_unit_test(a_good_section_is_an_instance),
        cmocka_unit_test(a_plugin_chooses_who_serves_an_instance),
        cmocka_unit_test(the_cache_is_shared_out_to_workers),
        cmocka_unit_test(each_stores_cache_has_its_own_counters),
        cmocka_unit_test(what_has_not_changed_is_carried_over),
        cmocka_unit_test(a_file_that_a_path_names_is_part_of_it),
        cmocka_unit_test(who_looks_at_peers_sees_new_ones),
        cmocka_unit_test(what_was_never_opened_can_be_closed),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
