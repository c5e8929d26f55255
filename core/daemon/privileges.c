/* SPDX-License-Identifier: Apache-2.0 */
/* See privileges.h. */
#include "daemon/privileges.h"

#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Also under -t, by names alone: whether we could become that user is known to root only. */
void privileges_check(const conf *c, cmp_report *report)
{
    if (c->top.user != NULL && getpwnam(c->top.user) == NULL) {
        report_add(report, conf_place_of(c, "user"), "user", "there is no user \"%s\"",
                   c->top.user);
    }
    if (c->top.group != NULL && c->top.user == NULL) {
        report_add(report, conf_place_of(c, "group"), "group", "a group needs a user beside it");
    }
    if (c->top.group != NULL && getgrnam(c->top.group) == NULL) {
        report_add(report, conf_place_of(c, "group"), "group", "there is no group \"%s\"",
                   c->top.group);
    }
}

/* Whoever owns it can read and change it. Without a user to become, root's check may be one for a
 * service that another user runs: only who starts knows. */
void privileges_check_keyring(const conf *c, cmp_purpose purpose, cmp_report *report)
{
    const struct passwd *user = c->top.user != NULL ? getpwnam(c->top.user) : NULL;
    const uid_t ours = geteuid() == 0 && user != NULL ? user->pw_uid : geteuid();
    struct stat status;
    if (c->top.keys == NULL || stat(c->top.keys, &status) != 0 || status.st_uid == 0 ||
        status.st_uid == ours) {
        return;
    }
    if (ours == 0 && purpose == CMP_PURPOSE_CHECK) {
        const struct passwd *owner = getpwuid(status.st_uid);
        report_warn(report, conf_place_of(c, "keys"), "keys",
                    "the keyring belongs to the user with the id %u (%s): good for a service that "
                    "runs as that user, and for no other; without user, root's check cannot tell",
                    status.st_uid, owner != NULL ? owner->pw_name : "none");
        return;
    }
    report_add(report, conf_place_of(c, "keys"), "keys",
               "the keyring belongs to the user with the id %u, expected root%s%s", status.st_uid,
               user != NULL ? " or " : "", user != NULL ? user->pw_name : "");
}

/* In this order: with the user's rights gone, groups could no longer be changed. All three ids
 * each, or the saved one would lead back. */
static bool become(const struct passwd *user, gid_t group)
{
    return initgroups(user->pw_name, group) == 0 && setresgid(group, group, group) == 0 &&
           setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0;
}

/* No new privileges, for nobody here: not even by a set-uid program that a plugin might run. */
bool privileges_drop(const conf *c)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (c->top.user == NULL) {
        return true;
    }
    if (geteuid() != 0) {
        log_notice("daemon", "not started as root: user %s is not used", c->top.user);
        return true;
    }
    const struct passwd *user = getpwnam(c->top.user);
    const struct group *group = c->top.group != NULL ? getgrnam(c->top.group) : NULL;
    if (user == NULL || !become(user, group != NULL ? group->gr_gid : user->pw_gid)) {
        log_error("daemon", "cannot become user %s: %s", c->top.user, strerror(errno));
        return false;
    }
    if (user->pw_uid != 0 && setuid(0) == 0) {
        log_error("daemon", "root could be regained");
        return false;
    }
    log_notice("daemon", "running as user %s", c->top.user);
    return true;
}
