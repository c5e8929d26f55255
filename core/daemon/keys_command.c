/* SPDX-License-Identifier: Apache-2.0 */
/* See keys_command.h.
 *
 * Workers take a keyring by messages; so one more message to each, behind those, comes back when
 * it has been taken. */
#include "daemon/keys_command.h"

#include "daemon/round.h"

void keys_command(admin_command *c, void *arg)
{
    daemon_state *d = arg;
    if (d->stopping) {
        admin_command_fail(c, 409, "the daemon is about to end", NULL);
        return;
    }
    if (d->keys == NULL) {
        admin_command_fail(c, 409, "the daemon's configuration names no keyring (keys)", NULL);
        return;
    }
    cmp_report report;
    report_init(&report);
    if (keys_watch_now(d->keys, &report)) {
        char mark[KEYRING_MARK_TEXT_SIZE];
        keyring_mark_text(keyring_mark(d->generation->keyring), mark);
        round_begin(d, c, NULL, NULL,
                    json_pack("{s:s, s:s}", "keyring", d->generation->conf->top.keys, "mark", mark),
                    "the keyring was read");
    } else {
        admin_command_fail(c, 422, "the keys read before stay in use", &report);
    }
    report_dispose(&report);
}
