/* SPDX-License-Identifier: Apache-2.0 */
/* The cache: what it keeps, for how long, what makes room, and who waits for whom. */
#include "pipeline/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define NOW        INT64_C(1000000)
#define MANY       450000
#define LONGEST_US 4000

static instance_cached shown;

static const instance_cache settings = {.size_bytes = 64 * 1024,
                                        .ttl_ms = 1000,
                                        .negative_ttl_ms = 100,
                                        .stale_ms = 5000};

static cmp_record record_of(const char *content)
{
    cmp_record r = CMP_RECORD_INIT;
    r.content = cmp_str_from(content);
    return r;
}

static cache_state find(cache *c, const char *ici, int64_t now_ms, const char **content)
{
    const cmp_record *r = NULL;
    const cache_state state = cache_find(c, cmp_str_from(ici), now_ms, &r);
    if (content != NULL && (state == CACHE_FOUND || state == CACHE_STALE)) {
        static char text[64];
        snprintf(text, sizeof(text), "%.*s", (int)r->content.size, r->content.at);
        *content = text;
    }
    return state;
}

static void an_entry_is_fresh_then_stale_then_gone(void **state)
{
    (void)state;
    cache *c = cache_create(&settings, &shown);
    const cmp_record r = record_of("x");
    const char *content = "";
    assert_int_equal(find(c, "A", NOW, NULL), CACHE_MISS);
    cache_put(c, CMP_STR("A"), &r, NOW);
    assert_int_equal(find(c, "A", NOW + 999, &content), CACHE_FOUND);
    assert_string_equal(content, "x");
    assert_int_equal(find(c, "A", NOW + 1000, &content), CACHE_STALE);
    assert_int_equal(find(c, "A", NOW + 5999, &content), CACHE_STALE);
    assert_int_equal(find(c, "A", NOW + 6000, NULL), CACHE_MISS);
    assert_int_equal(find(c, "a", NOW, NULL), CACHE_MISS); /* octet by octet */
    cache_destroy(&c);
    assert_null(c);
}

static void absence_is_kept_shortly_and_never_stale(void **state)
{
    (void)state;
    cache *c = cache_create(&settings, &shown);
    cache_put(c, CMP_STR("A"), NULL, NOW);
    assert_int_equal(find(c, "A", NOW + 99, NULL), CACHE_ABSENT);
    assert_int_equal(find(c, "A", NOW + 100, NULL), CACHE_MISS);
    instance_cache none = settings;
    none.negative_ttl_ms = 0;
    cache *without = cache_create(&none, &shown);
    cache_put(without, CMP_STR("A"), NULL, NOW);
    assert_int_equal(find(without, "A", NOW, NULL), CACHE_MISS);
    cache_destroy(&without);
    cache_destroy(&c);
}

static void the_newest_answer_counts(void **state)
{
    (void)state;
    cache *c = cache_create(&settings, &shown);
    const cmp_record one = record_of("one"), two = record_of("two");
    const char *content = "";
    cache_put(c, CMP_STR("A"), &one, NOW);
    cache_put(c, CMP_STR("A"), &two, NOW);
    assert_int_equal(find(c, "A", NOW, &content), CACHE_FOUND);
    assert_string_equal(content, "two");
    cache_put(c, CMP_STR("A"), NULL, NOW);
    assert_int_equal(find(c, "A", NOW, NULL), CACHE_ABSENT);
    cache_drop(c, CMP_STR("A"));
    assert_int_equal(find(c, "A", NOW, NULL), CACHE_MISS);
    cache_destroy(&c);
}

static void all_parts_of_a_record_are_copied(void **state)
{
    (void)state;
    char text[] = "content|type|host|fr|de|language|cc";
    const cmp_condition conditions[] = {{{text + 24, 8}, {text + 18, 2}},
                                        {{text + 33, 2}, {text + 21, 2}}};
    const cmp_variant variants[] = {{.content = {text, 7},
                                     .conditions = conditions,
                                     .condition_count = 1},
                                    {.content = {text + 8, 4},
                                     .content_type = {text + 8, 4},
                                     .conditions = conditions,
                                     .condition_count = 2}};
    cmp_record r = CMP_RECORD_INIT;
    r.content = (cmp_str){text, 7};
    r.content_type = (cmp_str){text + 8, 4};
    r.ttl_s = 7;
    r.variants = variants;
    r.variant_count = 2;
    cache *c = cache_create(&settings, &shown);
    cache_put(c, CMP_STR("A"), &r, NOW);
    memset(text, 'x', sizeof(text) - 1);
    const cmp_record *kept = NULL;
    assert_int_equal(cache_find(c, CMP_STR("A"), NOW, &kept), CACHE_FOUND);
    assert_true(cmp_str_equal(kept->content, CMP_STR("content")));
    assert_true(cmp_str_equal(kept->content_type, CMP_STR("type")));
    assert_null(kept->transferred_to.at);
    assert_int_equal(kept->ttl_s, 7);
    assert_int_equal(kept->variant_count, 2);
    assert_true(cmp_str_equal(kept->variants[0].content, CMP_STR("content")));
    assert_null(kept->variants[0].content_type.at);
    assert_true(cmp_str_equal(kept->variants[1].content_type, CMP_STR("type")));
    assert_true(cmp_str_equal(kept->variants[1].conditions[0].name, CMP_STR("language")));
    assert_true(cmp_str_equal(kept->variants[1].conditions[1].value, CMP_STR("de")));
    cache_destroy(&c);
}

static void the_least_recently_used_makes_room(void **state)
{
    (void)state;
    cache *c = cache_create(&settings, &shown);
    const cmp_record r = record_of("https://x.example/0123456789");
    cache_put(c, CMP_STR("keep"), &r, NOW);
    for (int i = 0; i < 2000; i++) {
        char ici[16];
        const int size = snprintf(ici, sizeof(ici), "I%d", i);
        cache_put(c, (cmp_str){ici, (size_t)size}, &r, NOW);
        assert_int_equal(find(c, "keep", NOW, NULL), CACHE_FOUND); /* used again and again */
        assert_true(shown.size_bytes <= settings.size_bytes);
    }
    assert_int_equal(find(c, "I0", NOW, NULL), CACHE_MISS);
    assert_int_equal(find(c, "I1999", NOW, NULL), CACHE_FOUND);
    cache_destroy(&c);
}

static int64_t used_us(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The least that each step took in all fillings so far. */
static int32_t least_us[MANY];

/* Fills a cache; some are dropped on the way, from a part of the table that has grown already, or
 * has not. Returns what the longest of all steps takes, as far as is known. */
static int32_t fill(void)
{
    instance_cache large = settings;
    large.size_bytes = (size_t)1 << 30;
    cache *c = cache_create(&large, &shown);
    const cmp_record r = record_of("x");
    int32_t longest_us = 0;
    char ici[16];
    for (int i = 0; i < MANY; i++) {
        int size = snprintf(ici, sizeof(ici), "I%d", i);
        const int64_t before_us = used_us();
        cache_put(c, (cmp_str){ici, (size_t)size}, &r, NOW);
        const int32_t us = (int32_t)(used_us() - before_us);
        least_us[i] = us < least_us[i] ? us : least_us[i];
        longest_us = least_us[i] > longest_us ? least_us[i] : longest_us;
        if (i % 3 == 2) {
            size = snprintf(ici, sizeof(ici), "I%d", i / 2);
            cache_drop(c, (cmp_str){ici, (size_t)size});
            assert_int_equal(find(c, ici, NOW, NULL), CACHE_MISS);
        }
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(ici, sizeof(ici), "I%d", i);
        const bool dropped = i < MANY / 2 && (i * 2 % 3 == 2 || (i * 2 + 1) % 3 == 2);
        assert_int_equal(find(c, ici, NOW, NULL), dropped ? CACHE_MISS : CACHE_FOUND);
    }
    cache_destroy(&c);
    return longest_us;
}

/* A worker serves nobody else meanwhile. A machine that is busy with something else takes its time
 * now and then, but not at the same step each time. */
static void growing_takes_no_long_turn(void **state)
{
    (void)state;
    int tries = 1;
    for (int i = 0; i < MANY; i++) {
        least_us[i] = INT32_MAX;
    }
    while (fill() >= LONGEST_US) {
        assert_true(tries++ < 10);
    }
}

static void what_may_have_changed_is_only_stale(void **state)
{
    (void)state;
    cache *c = cache_create(&settings, &shown);
    const cmp_record old = record_of("old"), new = record_of("new");
    const char *content = "";
    cache_put(c, CMP_STR("A"), &old, NOW);
    cache_put(c, CMP_STR("B"), &old, NOW);
    cache_put(c, CMP_STR("none"), NULL, NOW);
    cache_expire(c, NOW + 50);
    assert_int_equal(find(c, "A", NOW + 50, &content), CACHE_STALE);
    assert_string_equal(content, "old");
    assert_int_equal(find(c, "none", NOW + 50, NULL), CACHE_MISS); /* absence is never stale */
    cache_put(c, CMP_STR("A"), &new, NOW + 50);
    assert_int_equal(find(c, "A", NOW + 50, &content), CACHE_FOUND);
    assert_string_equal(content, "new");
    assert_int_equal(find(c, "B", NOW + 5049, NULL), CACHE_STALE); /* its time ended then */
    assert_int_equal(find(c, "B", NOW + 5050, NULL), CACHE_MISS);
    cache_expire(c, NOW + 4000);
    cache_expire(c, NOW + 5000);
    assert_int_equal(find(c, "B", NOW + 5999, NULL), CACHE_STALE); /* not longer than without */
    assert_int_equal(find(c, "B", NOW + 6000, NULL), CACHE_MISS);
    cache_drop(c, CMP_STR("B"));
    assert_int_equal(find(c, "B", NOW, NULL), CACHE_MISS);
    cache_destroy(&c);
}

static void without_stale_time_nothing_outlives_a_change(void **state)
{
    (void)state;
    instance_cache none = settings;
    none.stale_ms = 0;
    cache *c = cache_create(&none, &shown);
    const cmp_record r = record_of("x");
    cache_put(c, CMP_STR("A"), &r, NOW);
    cache_expire(c, NOW);
    assert_int_equal(find(c, "A", NOW, NULL), CACHE_MISS);
    cache_destroy(&c);
}

static void what_was_asked_before_a_change_is_not_kept(void **state)
{
    (void)state;
    cache *c = cache_create(&settings, &shown);
    flights *f = cache_flights(c);
    passenger a = {.ici = CMP_STR("A")}, b = {.ici = CMP_STR("B")}, later = {.ici = CMP_STR("A")};
    assert_false(flight_join(f, &a));
    assert_false(flight_join(f, &b));
    cache_drop(c, CMP_STR("A"));
    assert_false(flight_current(&a));
    assert_true(flight_current(&b));
    assert_false(flight_join(f, &later)); /* does not wait for an old answer */
    assert_true(flight_current(&later));
    cache_expire(c, NOW);
    assert_false(flight_current(&b));
    assert_null(flight_end(&a));
    assert_null(flight_end(&b));
    assert_null(flight_end(&later));
    cache_destroy(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_fresh_then_stale_then_gone),
        cmocka_unit_test(absence_is_kept_shortly_and_never_stale),
        cmocka_unit_test(the_newest_answer_counts),
        cmocka_unit_test(all_parts_of_a_record_are_copied),
        cmocka_unit_test(the_least_recently_used_makes_room),
        cmocka_unit_test(growing_takes_no_long_turn),
        cmocka_unit_test(what_may_have_changed_is_only_stale),
        cmocka_unit_test(without_stale_time_nothing_outlives_a_change),
        cmocka_unit_test(what_was_asked_before_a_change_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
