/* SPDX-License-Identifier: Apache-2.0 */
/* See somebody.h. */
#include "daemon/somebody.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

bool somebody_find(const conf *c, somebody *s)
{
    const conf_top *top = &c->top;
    const struct passwd *user = top->user != NULL ? getpwnam(top->user) : NULL;
    if (geteuid() != 0 || user == NULL || user->pw_uid == 0) {
        return false;
    }
    const struct group *group = top->group != NULL ? getgrnam(top->group) : NULL;
    *s = (somebody){.user = user->pw_uid,
                    .group = group != NULL ? group->gr_gid : user->pw_gid,
                    .group_count = sizeof(s->groups) / sizeof(s->groups[0])};
    if (getgrouplist(user->pw_name, s->group, s->groups, &s->group_count) < 0) {
        s->group_count = sizeof(s->groups) / sizeof(s->groups[0]); /* as many as fit */
    }
    return true;
}

bool somebody_become(const somebody *s)
{
    return setgroups((size_t)s->group_count, s->groups) == 0 &&
           setresgid(s->group, s->group, s->group) == 0 &&
           setresuid(s->user, s->user, s->user) == 0;
}

/* In the child. */
static int try_access(const somebody *s, const char *path, const char *folder, int mode)
{
    if (!somebody_become(s)) {
        return errno;
    }
    if (access(path, mode) == 0 || (errno == ENOENT && access(folder, W_OK | X_OK) == 0)) {
        return 0;
    }
    return errno;
}

int somebody_may(const conf *c, const char *path, int mode)
{
    somebody s;
    if (!somebody_find(c, &s)) {
        return 0;
    }
    char folder[PATH_MAX];
    snprintf(folder, sizeof(folder), "%s", path);
    const char *parent = dirname(folder);
    const pid_t child = fork();
    if (child == 0) {
        _exit(try_access(&s, path, parent, mode));
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}
