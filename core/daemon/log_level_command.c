/* SPDX-License-Identifier: Apache-2.0 */
/* See log_level_command.h. */
#include "daemon/log_level_command.h"

#include "base/log.h"

/* One of the names; -1: it is none. */
static int level_of(const char *name)
{
    int level = 0;
    while (name != NULL && log_level_names[level] != NULL) {
        if (strcmp(log_level_names[level], name) == 0) {
            return level;
        }
        level++;
    }
    return -1;
}

/* Said while the log gets more: else it might not show. */
static void change(cmp_log_level before, cmp_log_level now)
{
    if (now > before) {
        log_level_set(now);
    }
    log_notice("daemon", "the log's level is %s from now on, and was %s", log_level_names[now],
               log_level_names[before]);
    log_level_set(now);
}

void log_level_command(admin_command *c, void *arg)
{
    const daemon_state *d = arg;
    const json_t *given = json_object_get(admin_command_body(c), "level");
    const int level = level_of(json_string_value(given));
    const cmp_log_level before = log_level_get();
    if (level < 0) {
        admin_command_fail(c, 400, "level: expected error, warning, notice, info or debug", NULL);
        return;
    }
    change(before, (cmp_log_level)level);
    admin_command_done(c, json_pack("{s:s, s:s, s:s}", "before", log_level_names[before], "now",
                                    log_level_names[level], "configured",
                                    log_level_names[d->generation->conf->top.log.level]));
}
