/* SPDX-License-Identifier: Apache-2.0 */
/* http/forwarded.c: whom a chain of balancers has seen last, and what is not to be believed. */
#include "http/forwarded.h"

#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FIELDS_MAX 3
#define UNREADABLE "unreadable"
#define NOBODY     "nobody"

/* 10.0.0.0/8 and 2001:db8:1::/48 are the balancers'. */
static const kit_network balancers[] = {
    {.net = {{[10] = 0xFF, 0xFF, 10}, 104}},
    {.net = {{0x20, 0x01, 0x0D, 0xB8, 0, 1}, 48}},
};

typedef struct search_case {
    const char *fields[FIELDS_MAX], *source;
} search_case;

static void check(const search_case *c, bool bare)
{
    kit_networks *networks = kit_networks_build(balancers, 2);
    forwarded_search s = {.networks = networks, .bare = bare};
    for (size_t i = 0; i < FIELDS_MAX && c->fields[i] != NULL; i++) {
        forwarded_read(&s, cmp_str_from(c->fields[i]));
    }
    kit_networks_destroy(&networks);
    char text[INET6_ADDRSTRLEN] = NOBODY;
    if (s.found) {
        address_format(s.source, text);
    }
    assert_false(s.found && s.unreadable);
    assert_string_equal(s.unreadable ? UNREADABLE : text, c->source);
}

static void x_forwarded_for(void **state)
{
    (void)state;
    static const search_case cases[] = {
        {{"192.0.2.1"}, "192.0.2.1"},
        {{"2001:db8::7"}, "2001:db8::7"},
        {{"192.0.2.1:4711"}, "192.0.2.1"},
        {{"[2001:db8::7]"}, "2001:db8::7"},
        {{"[2001:db8::7]:4711"}, "2001:db8::7"},
        {{"192.0.2.1, 192.0.2.2"}, "192.0.2.2"},
        {{"192.0.2.1 ,\t192.0.2.2 "}, "192.0.2.2"},
        {{"192.0.2.1", "192.0.2.2"}, "192.0.2.2"},
        {{"192.0.2.1, 10.1.1.1"}, "192.0.2.1"},
        {{"192.0.2.1, 10.1.1.1, 2001:db8:1::1"}, "192.0.2.1"},
        {{"192.0.2.1", "10.1.1.1", "10.2.2.2"}, "192.0.2.1"},
        {{"192.0.2.9, 192.0.2.1, 10.1.1.1"}, "192.0.2.1"},
        {{"10.1.1.1"}, NOBODY},
        {{""}, NOBODY},
        {{" , ,"}, NOBODY},
        {{NULL}, NOBODY},
        {{"192.0.2.1,"}, "192.0.2.1"},
        {{"unknown"}, UNREADABLE},
        {{"192.0.2.1, unknown"}, UNREADABLE},
        {{"unknown, 192.0.2.1"}, "192.0.2.1"},
        {{"192.0.2.1, unknown, 10.1.1.1"}, UNREADABLE},
        {{"192.0.2.1, 192.0.2.256"}, UNREADABLE},
        {{"192.0.2.1:65536"}, UNREADABLE},
        {{"[2001:db8::7"}, UNREADABLE},
        {{"[192.0.2.1]"}, UNREADABLE},
        {{"for=192.0.2.1"}, UNREADABLE},
        /* a quote that a client begins does not hide what is put behind it */
        {{"\", 192.0.2.1"}, "192.0.2.1"},
        {{"\"192.0.2.1\""}, UNREADABLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(&cases[i], true);
    }
}

static void forwarded(void **state)
{
    (void)state;
    static const search_case cases[] = {
        {{"for=192.0.2.1"}, "192.0.2.1"},
        {{"For=\"[2001:db8::7]:4711\""}, "2001:db8::7"},
        {{"for=\"[2001:db8::7]\""}, "2001:db8::7"},
        {{"for=192.0.2.1;proto=https;by=203.0.113.43"}, "192.0.2.1"},
        {{"proto=https;by=203.0.113.43; for=\"192.0.2.1:80\""}, "192.0.2.1"},
        {{"for=192.0.2.1, for=192.0.2.2"}, "192.0.2.2"},
        {{"for=192.0.2.1", "for=10.1.1.1"}, "192.0.2.1"},
        {{"for=10.1.1.1"}, NOBODY},
        {{"for=unknown"}, UNREADABLE},
        {{"for=_hidden, for=192.0.2.1"}, "192.0.2.1"},
        {{"for=192.0.2.1, for=_hidden"}, UNREADABLE},
        {{"for=192.0.2.1, proto=https"}, UNREADABLE},
        {{"for=192.0.2.1;for=192.0.2.2"}, UNREADABLE},
        {{"for=2001:db8::7"}, UNREADABLE},
        {{"for="}, UNREADABLE},
        {{"for"}, UNREADABLE},
        {{"192.0.2.1"}, UNREADABLE},
        /* what stands in quotes is no element, and what is never closed hides nothing good */
        {{"for=192.0.2.1;host=\"a, for=192.0.2.9\""}, "192.0.2.1"},
        {{"for=192.0.2.1;host=\"a\\\", for=192.0.2.9;x=\\\"\""}, "192.0.2.1"},
        {{"for=\"192.0.2.9, for=192.0.2.1"}, UNREADABLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(&cases[i], false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x_forwarded_for),
        cmocka_unit_test(forwarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
