/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the kit's search for networks: always the smallest one that holds the address. */
#include <cmp-kit/networks.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void address_of(const char *text, uint8_t address[16])
{
    if (inet_pton(AF_INET6, text, address) != 1) {
        memset(address, 0, 10);
        address[10] = address[11] = 0xFF;
        assert_int_equal(inet_pton(AF_INET, text, address + 12), 1);
    }
}

static kit_network network(const char *address, unsigned bits, uint32_t value)
{
    kit_network n = {.net.bits = (uint8_t)(strchr(address, ':') != NULL ? bits : bits + 96),
                     .value = value};
    address_of(address, n.net.address);
    return n;
}

static uint32_t find(const kit_networks *n, const char *text)
{
    uint8_t address[16];
    address_of(text, address);
    return kit_networks_find(n, address, NULL, NULL);
}

static void the_smallest_decides(void **state)
{
    (void)state;
    const kit_network all[] = {
        network("10.0.0.0", 8, 0),      network("10.8.0.0", 16, 1),   network("10.8.0.7", 32, 2),
        network("2001:db8::", 32, 3),   network("10.8.4.0", 22, 4),   network("10.8.0.0", 16, 5),
        network("2001:db8::1", 128, 6), network("192.0.2.77", 24, 7), /* bits behind it are no
                                                                         matter */
    };
    static const struct {
        const char *address;
        uint32_t value;
    } cases[] = {
        {"10.8.0.7", 2},
        {"10.8.0.8", 1},
        {"10.9.0.7", 0},
        {"10.8.7.255", 4},
        {"10.8.8.0", 1},
        {"10.8.3.255", 1},
        {"2001:db8::1", 6},
        {"2001:db8:1::1", 3},
        {"192.0.2.1", 7},
        {"9.255.255.255", KIT_NETWORK_NONE},
        {"11.0.0.0", KIT_NETWORK_NONE},
        {"192.0.3.0", KIT_NETWORK_NONE},
        {"2001:db9::1", KIT_NETWORK_NONE},
        {"::", KIT_NETWORK_NONE},
    };
    kit_networks *n = kit_networks_build(all, COUNT(all));
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (find(n, cases[i].address) != cases[i].value) {
            fail_msg("%s: %u", cases[i].address, find(n, cases[i].address));
        }
    }
    kit_networks_destroy(&n);
    assert_null(n);
    kit_networks_destroy(&n);
}

static void everybody_and_nobody(void **state)
{
    (void)state;
    const kit_network all[] = {network("::", 0, 1), network("0.0.0.0", 0, 2)};
    kit_networks *n = kit_networks_build(all, COUNT(all));
    assert_int_equal(find(n, "203.0.113.9"), 2);
    assert_int_equal(find(n, "2001:db8::9"), 1);
    kit_networks_destroy(&n);
    n = kit_networks_build(NULL, 0);
    assert_int_equal(find(n, "203.0.113.9"), KIT_NETWORK_NONE);
    kit_networks_destroy(&n);
    assert_int_equal(find(NULL, "203.0.113.9"), KIT_NETWORK_NONE);
}

static bool is_at_least(uint32_t value, void *arg)
{
    return value >= *(uint32_t *)arg;
}

static void what_does_not_fit_is_passed_over(void **state)
{
    (void)state;
    const kit_network all[] = {network("10.8.0.0", 16, 1), network("10.8.0.0", 16, 2),
                               network("10.0.0.0", 8, 3)};
    static const uint32_t found[] = {1, 1, 2, 3, KIT_NETWORK_NONE};
    kit_networks *n = kit_networks_build(all, COUNT(all));
    uint8_t address[16];
    address_of("10.8.9.9", address);
    for (uint32_t least = 0; least < COUNT(found); least++) {
        assert_int_equal(kit_networks_find(n, address, is_at_least, &least), found[least]);
    }
    kit_networks_destroy(&n);
}

/* ---- against a search that looks at every network ---- */

enum { NETWORKS = 500, ADDRESSES = 5000 };

static uint64_t random_state = 1;

static unsigned random_below(unsigned end)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((random_state >> 33) % end);
}

/* Of few different octets, so that many networks hold each other. */
static void random_address(uint8_t address[16])
{
    for (size_t i = 0; i < 16; i++) {
        address[i] = random_below(4) == 0 ? 0x80 : 0;
    }
}

static void it_finds_what_a_slow_search_finds(void **state)
{
    (void)state;
    static kit_network all[NETWORKS];
    for (uint32_t i = 0; i < NETWORKS; i++) {
        all[i] = (kit_network){.net.bits = (uint8_t)random_below(129), .value = i};
        random_address(all[i].net.address);
    }
    kit_networks *n = kit_networks_build(all, NETWORKS);
    for (unsigned i = 0; i < ADDRESSES; i++) {
        uint8_t address[16];
        uint32_t best = KIT_NETWORK_NONE;
        random_address(address);
        for (uint32_t at = 0; at < NETWORKS; at++) {
            if (cmp_cidr_contains(&all[at].net, address) &&
                (best == KIT_NETWORK_NONE || all[at].net.bits > all[best].net.bits)) {
                best = at;
            }
        }
        assert_int_equal(kit_networks_find(n, address, NULL, NULL), best);
    }
    kit_networks_destroy(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_decides),
        cmocka_unit_test(everybody_and_nobody),
        cmocka_unit_test(what_does_not_fit_is_passed_over),
        cmocka_unit_test(it_finds_what_a_slow_search_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
