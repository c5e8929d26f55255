/* SPDX-License-Identifier: Apache-2.0 */
/* Files that end by themselves, and when: certificates and revocation lists of a configuration. */
#pragma once

#include "conf/conf.h"

typedef enum ending_kind {
    ENDING_CERTIFICATE, /* shown by us, with its chain */
    ENDING_CA,          /* by which others are verified */
    ENDING_CRL,
} ending_kind;

extern const char *const ending_names[]; /* by ending_kind */

/* A file that somebody has. The texts are lent. */
typedef struct ending {
    ending_kind kind;
    const char *of, *name; /* "listener", "peer" or "plugin", and its name */
    const char *path;
    int64_t end_s; /* Unix time */
} ending;

/* Visits those that end: listeners', then peers' by kind, each in the configuration's order, then
 * those by which plugins reach their servers. The
 * files are looked at again when they have changed, at most every ten seconds. Control thread. */
void endings_each(const conf_top *top, void (*visit)(const ending *e, void *arg), void *arg);
