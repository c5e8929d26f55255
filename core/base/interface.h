/* SPDX-License-Identifier: Apache-2.0 */
/* The interfaces on which requests arrive: one row for each, the only place that knows them all.
 *
 * An interface is a bit in the sets of the configuration (`interfaces` of listeners and peers):
 * bit i is the enumerator i of cmp_interface. */
#pragma once

#include <cmp/message.h>

/* X(enumerator, word in the configuration, default path, https only, anonymous, message, help)
 *
 * - https only: MC-3 and MC-6 by 9.3.2; codes since it carries tokens and writes.
 * - anonymous: anybody may ask, limited by address; else the listener's auth plugins are asked.
 * - message: it carries MC-3-RESOLVE_ICI (Table 19) at its path; else its paths begin with that. */
#define INTERFACE_LIST(X)                                                                          \
    X(MC3, "mc-3", "/mc-3/resolve-ici", true, false, true, "where MC-3-RESOLVE_ICI is answered")   \
    X(MC6, "mc-6", "/mc-6/resolve-ici", true, false, true,                                         \
      "where requests over MC-6 are answered")                                                     \
    X(MC1, "mc-1", "/mc-1/resolve-ici", false, true, true, "where handsets are answered")          \
    X(CODES, "codes", "/codes/v1", true, false, false,                                             \
      "what the paths of the interface codes begin with")

typedef struct interface_info {
    const char *word;
    const char *path;
    bool https_only, anonymous, message;
} interface_info;

/* By enumerator. */
extern const interface_info interfaces[CMP_INTERFACE_MAX];

/* Their words in the order of the enumerators, ended by NULL: choices for an option row. */
extern const char *const interface_words[];

static inline bool interface_in(uint64_t set, cmp_interface i)
{
    return (set >> i & 1) != 0;
}
