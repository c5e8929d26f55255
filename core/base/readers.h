/* SPDX-License-Identifier: Apache-2.0 */
/* Who else can read a file that holds a secret. */
#pragma once

#include <cmp/base.h>
#include <sys/stat.h>

typedef enum readers {
    READERS_OURS,    /* its owner, root, and groups that this process has or that are root's */
    READERS_GROUP,   /* a group that is none of this process's */
    READERS_ANYBODY, /* or anybody can write it, or its group */
} readers;

/* Root's own groups say nothing of the service's, which it may start as another user: for root a
 * group is good. */
readers readers_of(const struct stat *status);

/* The same for a process with that user and those groups. */
readers readers_for(const struct stat *status, uid_t user, const gid_t *groups, size_t count);
