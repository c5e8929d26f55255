/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of route_prefix: the plugin in a test's host, the peers b, c, d and no-host, and a
 * table file of its own. */
#pragma once

#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

enum { PREFIX_CHECK_MS = 1000, PREFIX_TTL_MS = 90000, PREFIX_PEERS = 4 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The longest prefix that there is. */
#define DIGITS_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

extern const cmp_peer prefix_peers[PREFIX_PEERS];

typedef struct prefix_rig {
    cmp_test *host;
    const char *ici, *requestor; /* of the next request */
    char folder[32], path[48];   /* of the table */
    void *options;
    cmp_test_txn *asked; /* the last request: an answer may point into it */
} prefix_rig;

/* For cmocka_unit_test_setup_teardown; the plugin is not opened yet. */
int prefix_set_up(void **state);
int prefix_tear_down(void **state);

void *prefix_option(const prefix_rig *r, const char *name);

/* "forward" (as set_up leaves it) or "referral". */
void prefix_set_mode(const prefix_rig *r, const char *mode);

bool prefix_open(prefix_rig *r);

/* Replaces the table whole, as an operator should. */
void prefix_write_table(const prefix_rig *r, const char *text);
void prefix_open_with(prefix_rig *r, const char *table);

/* Asks for `ici`; it answers at once. */
cmp_route_verdict prefix_ask(prefix_rig *r, cmp_route_reason reason, cmp_str target,
                             cmp_route_answer *answer);

/* Asks for an ICI that no store knows. `peer` NULL: the route declines. */
void prefix_expect_peer(prefix_rig *r, const char *ici, const char *peer);
