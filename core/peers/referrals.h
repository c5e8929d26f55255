/* SPDX-License-Identifier: Apache-2.0 */
/* Remembered referrals of registries (SPEC 5): which host a registry named for a prefix or an ICI.
 * One memory for all workers; any thread. */
#pragma once

#include <cmp/base.h>

typedef struct referrals referrals;

#define REFERRAL_TTL_MAX_S (24 * 3600)

/* At most `entries_max` referrals are kept; the ones that end first make room. */
referrals *referrals_create(size_t entries_max);
void referrals_destroy(referrals **r);

/* Remembers what `registry` (a peer's name) said; `prefix` absent: for this ICI alone. The ttl is
 * capped; 0 is not remembered. The caller has checked that the prefix heads the ICI. `now_ms`, here
 * and below: clock_monotonic_ms. */
void referrals_remember(referrals *r, cmp_str registry, cmp_str prefix, cmp_str ici, cmp_str host,
                        uint32_t ttl_s, int64_t now_ms);

/* The host for an ICI: one for it alone, or else the longest prefix's. Writes it to `host` and
 * returns true. */
#define REFERRAL_HOST_MAX 253
CMP_MUST_USE bool referrals_find(referrals *r, cmp_str registry, cmp_str ici, int64_t now_ms,
                                 char host[REFERRAL_HOST_MAX + 1]);

/* Forgets what led to a host that turned out to be wrong. */
void referrals_forget(referrals *r, cmp_str registry, cmp_str host);

/* How many are kept, those included whose time is over and that nobody has asked for since. */
size_t referrals_count(referrals *r);
