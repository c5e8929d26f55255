/* SPDX-License-Identifier: Apache-2.0 */
/* The user that will serve, tried out in a child before root's rights are given up: only the kernel
 * knows what that user may do. */
#pragma once

#include "conf/conf.h"

#include <sys/types.h>

typedef struct somebody {
    uid_t user;
    gid_t group;
    gid_t groups[256];
    int group_count;
} somebody;

/* The configured user. False when the process is not root, or is to stay it. */
CMP_MUST_USE bool somebody_find(const conf *c, somebody *s);

/* Has a child become that user. Does only what may be done between fork and exec. */
CMP_MUST_USE bool somebody_become(const somebody *s);

/* Whether the configured user may use a file or folder by that mode (access(2)), or make it when it
 * is missing: 0, or an errno. Always 0 when there is no such user. */
CMP_MUST_USE int somebody_may(const conf *c, const char *path, int mode);
