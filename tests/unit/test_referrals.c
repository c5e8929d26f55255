/* SPDX-License-Identifier: Apache-2.0 */
/* peers/referrals.c: what is believed, how long, and what gives way. */
#include "peers/referrals.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define START_MS ((int64_t)1795497600000)
#define MANY     100000
#define MCR      CMP_STR("mcr")

static void remember(referrals *r, const char *prefix, const char *ici, const char *host,
                     uint32_t ttl_s)
{
    referrals_remember(r, MCR, cmp_str_from(prefix), cmp_str_from(ici), cmp_str_from(host), ttl_s,
                       START_MS);
}

static void assert_none_at(referrals *r, cmp_str registry, const char *ici, int64_t now_ms)
{
    char host[REFERRAL_HOST_MAX + 1];
    if (referrals_find(r, registry, cmp_str_from(ici), now_ms, host)) {
        fail_msg("%s: %s", ici, host);
    }
}

static void assert_none(referrals *r, const char *ici)
{
    assert_none_at(r, MCR, ici, START_MS);
}

static void assert_found_at(referrals *r, const char *ici, int64_t now_ms, const char *wanted)
{
    char host[REFERRAL_HOST_MAX + 1] = "";
    if (!referrals_find(r, MCR, cmp_str_from(ici), now_ms, host)) {
        fail_msg("%s is not found", ici);
    }
    assert_string_equal(host, wanted);
}

static void assert_found(referrals *r, const char *ici, const char *wanted)
{
    assert_found_at(r, ici, START_MS, wanted);
}

static void finds_nothing_in_nothing(void **state)
{
    (void)state;
    referrals *r = referrals_create(MANY);
    assert_none(r, "1A0F1");
    assert_none(r, "");
    referrals_destroy(&r);
    assert_null(r);
    referrals_destroy(&r);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'a', sizeof(text));
    const cmp_str ici = CMP_STR("1A0F1"), host = CMP_STR("b.example.net");
    referrals *r = referrals_create(MANY);
    referrals_remember(r, MCR, CMP_NONE, ici, (cmp_str){text, 254}, 60, START_MS);
    assert_none(r, "1A0F1");
    referrals_remember(r, MCR, (cmp_str){text, 65}, (cmp_str){text, 70}, host, 60, START_MS);
    referrals_remember(r, MCR, CMP_NONE, (cmp_str){text, 257}, host, 60, START_MS);
    referrals_remember(r, (cmp_str){text, 257}, CMP_NONE, ici, host, 60, START_MS);
    char found[REFERRAL_HOST_MAX + 1];
    assert_false(referrals_find(r, MCR, (cmp_str){text, 70}, START_MS, found));
    assert_false(referrals_find(r, MCR, (cmp_str){text, 257}, START_MS, found));
    assert_false(referrals_find(r, (cmp_str){text, 257}, ici, START_MS, found));
    referrals_remember(r, MCR, (cmp_str){text, 64}, (cmp_str){text, 70}, (cmp_str){text, 253}, 60,
                       START_MS);
    assert_true(referrals_find(r, MCR, (cmp_str){text, 70}, START_MS, found));
    assert_int_equal(strlen(found), 253);
    referrals_destroy(&r);
}

static void no_time_to_live_no_memory(void **state)
{
    (void)state;
    referrals *r = referrals_create(MANY);
    remember(r, "1A0", "1A0F1", "b.example.net", 0);
    assert_none(r, "1A0F1");
    /* The newer word counts. */
    remember(r, "1A0", "1A0F1", "b.example.net", 60);
    remember(r, "1A0", "1A0F1", "c.example.net", 0);
    assert_none(r, "1A0F1");
    referrals_destroy(&r);
    r = referrals_create(0);
    remember(r, "1A0", "1A0F1", "b.example.net", 60);
    assert_none(r, "1A0F1");
    referrals_destroy(&r);
}

static void each_registry_for_itself(void **state)
{
    (void)state;
    referrals *r = referrals_create(MANY);
    remember(r, "1A0", "1A0F1", "b.example.net", 60);
    remember(r, NULL, "1A0F1", "b.example.net", 60);
    assert_none_at(r, CMP_STR("other"), "1A0F1", START_MS);
    assert_none_at(r, CMP_STR("MCR"), "1A0F1", START_MS);
    assert_none_at(r, CMP_STR("mc"), "1A0F1", START_MS);
    assert_found(r, "1A0F1", "b.example.net");
    referrals_destroy(&r);
}

static void longest_prefix_wins(void **state)
{
    (void)state;
    referrals *r = referrals_create(MANY);
    remember(r, "1A0", "1A0F1", "three.example.net", 60);
    remember(r, "1a0f12", "1A0F12", "six.example.net", 60);
    remember(r, "1A0F", "1A0F", "four.example.net", 60);
    remember(r, NULL, "1A0F12xyz", "alone.example.net", 60);
    static const struct {
        const char *ici, *host;
    } cases[] = {
        {"1A0", "three.example.net"},       {"1a0e", "three.example.net"},
        {"1A0F", "four.example.net"},       {"1a0f1", "four.example.net"},
        {"1A0f12", "six.example.net"},      {"1A0F12xy", "six.example.net"},
        {"1A0F12xyz", "alone.example.net"}, {"1A0F12xyzz", "six.example.net"},
        {"1a0F12xyz", "six.example.net"}, /* an ICI alone is meant octet by octet */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_found(r, cases[i].ici, cases[i].host);
    }
    assert_none(r, "1A");
    assert_none(r, "1B0F12");
    assert_none(r, "01A0F12");
    referrals_destroy(&r);
}

/* An ICI that looks like a prefix is none. */
static void one_ici_alone_heads_nothing(void **state)
{
    (void)state;
    referrals *r = referrals_create(MANY);
    remember(r, NULL, "1a0f1", "b.example.net", 60);
    remember(r, "2b0f1", "2b0f1", "c.example.net", 60);
    assert_none(r, "1a0f12");
    assert_none(r, "1A0F1");
    assert_found(r, "2b0f1", "c.example.net");
    referrals_destroy(&r);
}

static void ends_in_time(void **state)
{
    (void)state;
    referrals *r = referrals_create(MANY);
    const int64_t day_ms = (int64_t)REFERRAL_TTL_MAX_S * 1000;
    remember(r, "1A0", "1A0F1", "b.example.net", 60);
    remember(r, "1A0F", "1A0F1", "c.example.net", 10);
    remember(r, "2B0", "2B0F1", "d.example.net", UINT32_MAX);
    assert_found_at(r, "1A0F1", START_MS + 9999, "c.example.net");
    assert_found_at(r, "1A0F1", START_MS + 10000, "b.example.net");
    assert_found_at(r, "1A0F1", START_MS + 59999, "b.example.net");
    assert_none_at(r, MCR, "1A0F1", START_MS + 60000);
    assert_found_at(r, "2B0F1", START_MS + day_ms - 1, "d.example.net");
    assert_none_at(r, MCR, "2B0F1", START_MS + day_ms);
    referrals_destroy(&r);
}

static void a_clock_that_steps_back_prolongs_nothing(void **state)
{
    (void)state;
    referrals *r = referrals_create(MANY);
    remember(r, "1A0", "1A0F1", "b.example.net", REFERRAL_TTL_MAX_S);
    assert_none_at(r, MCR, "1A0F1", START_MS - 1);
    referrals_destroy(&r);
}

static void newer_replaces_older(void **state)
{
    (void)state;
    referrals *r = referrals_create(2);
    remember(r, "2B0", "2B0", "z.example.net", 1);
    for (int i = 0; i < 10; i++) {
        remember(r, i % 2 == 0 ? "1a0" : "1A0", "1A0F1", i < 9 ? "b.example.net" : "c.example.net",
                 60);
    }
    assert_found(r, "1A0F1", "c.example.net");
    assert_found(r, "2B0", "z.example.net");
    referrals_destroy(&r);
}

static void forgets_a_host(void **state)
{
    (void)state;
    referrals *r = referrals_create(MANY);
    remember(r, "1A0", "1A0F1", "b.example.net", 60);
    remember(r, "1A0F", "1A0F1", "c.example.net", 60);
    remember(r, NULL, "1A0F1", "C.example.net", 60);
    referrals_forget(r, CMP_STR("other"), CMP_STR("c.example.net"));
    referrals_forget(r, MCR, CMP_STR("d.example.net"));
    assert_found(r, "1A0F1", "C.example.net");
    referrals_forget(r, MCR, CMP_STR("c.EXAMPLE.net"));
    assert_found(r, "1A0F1", "b.example.net");
    remember(r, "1A0F", "1A0F1", "c.example.net", 60);
    assert_found(r, "1A0F1", "c.example.net");
    char text[300];
    memset(text, 'a', sizeof(text));
    referrals_forget(r, MCR, (cmp_str){text, sizeof(text)});
    assert_found(r, "1A0F1", "c.example.net");
    referrals_destroy(&r);
}

/* The same numbers at every run. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

static void those_that_end_first_make_room(void **state)
{
    (void)state;
    enum { ALL = 200, KEPT = 50 };
    referrals *r = referrals_create(KEPT);
    char ici[16];
    uint32_t ttls[ALL], seed = 20261124;
    for (uint32_t i = 0; i < ALL; i++) {
        ttls[i] = 1000 + i;
    }
    for (uint32_t i = ALL - 1; i > 0; i--) {
        const uint32_t other = next_random(&seed) % (i + 1), ttl = ttls[i];
        ttls[i] = ttls[other];
        ttls[other] = ttl;
    }
    for (uint32_t i = 0; i < ALL; i++) {
        snprintf(ici, sizeof(ici), "%03X", i);
        remember(r, i % 2 == 0 ? ici : NULL, ici, "b.example.net", ttls[i]);
    }
    /* The last one came in, whatever its time is; the others are those that end last. */
    char host[REFERRAL_HOST_MAX + 1];
    unsigned found = 0;
    for (uint32_t i = 0; i < ALL; i++) {
        snprintf(ici, sizeof(ici), "%03X", i);
        const bool there = referrals_find(r, MCR, cmp_str_from(ici), START_MS, host);
        found += there;
        if (ttls[i] >= 1000 + ALL - KEPT + 1 || i == ALL - 1) {
            assert_true(there);
        } else if (ttls[i] < 1000 + ALL - KEPT) {
            assert_false(there);
        }
    }
    assert_int_equal(found, KEPT);
    referrals_destroy(&r);
}

static void is_bounded_with_many_shards(void **state)
{
    (void)state;
    enum { ALL = 20000, KEPT = 4000 };
    referrals *r = referrals_create(KEPT);
    char ici[16], host[REFERRAL_HOST_MAX + 1];
    for (int i = 0; i < ALL; i++) {
        snprintf(ici, sizeof(ici), "1A0%05X", (unsigned)i);
        remember(r, ici, ici, "b.example.net", (uint32_t)(1 + i));
    }
    int found = 0;
    for (int i = 0; i < ALL; i++) {
        snprintf(ici, sizeof(ici), "1A0%05X", (unsigned)i);
        found += referrals_find(r, MCR, cmp_str_from(ici), START_MS, host);
    }
    assert_int_equal(found, KEPT);
    referrals_destroy(&r);
}

typedef struct job {
    referrals *memory;
    uint32_t seed;
    unsigned wrong;
} job;

/* Every ICI has one host only, so another one found is wrong. */
static void *hammer(void *arg)
{
    job *j = arg;
    for (int i = 0; i < 10000; i++) {
        char ici[16], wanted[32], host[REFERRAL_HOST_MAX + 1];
        const unsigned number = next_random(&j->seed) % 100;
        const cmp_str text = {ici, (size_t)snprintf(ici, sizeof(ici), "1A0%03u", number)};
        const cmp_str name = {wanted,
                              (size_t)snprintf(wanted, sizeof(wanted), "h%u.example.net", number)};
        const int64_t now_ms = START_MS + i;
        switch (next_random(&j->seed) % 8) {
        case 0:
            referrals_forget(j->memory, MCR, name);
            break;
        case 1:
        case 2:
            referrals_remember(j->memory, MCR, number % 2 == 0 ? text : CMP_NONE, text, name,
                               1 + number % 3, now_ms);
            break;
        default:
            j->wrong +=
                referrals_find(j->memory, MCR, text, now_ms, host) && strcmp(host, wanted) != 0;
        }
    }
    return NULL;
}

static void threads_share_the_memory(void **state)
{
    (void)state;
    referrals *r = referrals_create(80);
    job jobs[2] = {{.memory = r, .seed = 1}, {.memory = r, .seed = 2}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &jobs[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].wrong, 0);
    }
    referrals_destroy(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_nothing_in_nothing),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(no_time_to_live_no_memory),
        cmocka_unit_test(each_registry_for_itself),
        cmocka_unit_test(longest_prefix_wins),
        cmocka_unit_test(one_ici_alone_heads_nothing),
        cmocka_unit_test(ends_in_time),
        cmocka_unit_test(a_clock_that_steps_back_prolongs_nothing),
        cmocka_unit_test(newer_replaces_older),
        cmocka_unit_test(forgets_a_host),
        cmocka_unit_test(those_that_end_first_make_room),
        cmocka_unit_test(is_bounded_with_many_shards),
        cmocka_unit_test(threads_share_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
