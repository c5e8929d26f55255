/* SPDX-License-Identifier: Apache-2.0 */
/* See readers.h. */
#include "base/readers.h"

#include <unistd.h>

#define GROUPS_MAX 1024

readers readers_for(const struct stat *status, uid_t user, const gid_t *groups, size_t count)
{
    if ((status->st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
        return READERS_ANYBODY;
    }
    if ((status->st_mode & S_IRGRP) == 0 || status->st_gid == 0 || user == 0) {
        return READERS_OURS;
    }
    for (size_t i = 0; i < count; i++) {
        if (groups[i] == status->st_gid) {
            return READERS_OURS;
        }
    }
    return READERS_GROUP;
}

readers readers_of(const struct stat *status)
{
    gid_t groups[GROUPS_MAX + 1] = {getegid()};
    const int more = getgroups(GROUPS_MAX, groups + 1);
    return readers_for(status, geteuid(), groups, 1 + (size_t)(more > 0 ? more : 0));
}
