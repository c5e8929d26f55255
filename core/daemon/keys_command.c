/* SPDX-License-Identifier: Apache-2.0 */
/* See keys_command.h.
 *
 * Workers take a keyring by messages; so one more message to each, behind those, comes back when
 * it has been taken. */
#include "daemon/keys_command.h"

#include "event/everywhere.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define PATIENCE_MS 5000 /* for workers that a plugin holds */

/* One command under way. */
typedef struct round {
    daemon_state *d;
    admin_command *command; /* NULL: answered */
    cmp_timer *patience;    /* NULL: it has run out */
    everywhere *workers;
    kit_file_mark mark; /* of the keyring that they take */
} round;

static void on_every_worker(void *arg)
{
    round *r = arg;
    if (r->patience != NULL) {
        loop_timer_stop(r->patience);
    }
    if (r->command != NULL) {
        char mark[KEYRING_MARK_TEXT_SIZE];
        keyring_mark_text(&r->mark, mark);
        json_t *answer = json_object();
        json_object_set_new(answer, "keyring", json_string(r->d->generation->conf->top.keys));
        json_object_set_new(answer, "mark", json_string(mark));
        json_object_set_new(answer, "workers", json_integer(r->d->started));
        admin_command_done(r->command, answer);
    }
    free(r);
}

static void on_patience(void *arg)
{
    round *r = arg;
    char detail[256] = "the keyring was read, but a plugin holds";
    size_t size = strlen(detail);
    for (unsigned i = 0; i < r->d->started && size < sizeof(detail); i++) {
        if (!everywhere_has(r->workers, i)) {
            size += (size_t)snprintf(detail + size, sizeof(detail) - size, " worker %u", i);
        }
    }
    r->patience = NULL;
    admin_command_fail(r->command, 504, detail, NULL);
    r->command = NULL;
}

static void nothing(unsigned index, void *arg)
{
    (void)index;
    (void)arg;
}

static void on_keys(admin_command *c, void *arg)
{
    daemon_state *d = arg;
    if (d->keys == NULL) {
        admin_command_fail(c, 409, "the daemon's configuration names no keyring (keys)", NULL);
        return;
    }
    cmp_report report;
    report_init(&report);
    if (keys_watch_now(d->keys, &report)) {
        round *r = kit_calloc(1, sizeof(*r));
        *r = (round){.d = d, .command = c, .mark = *keyring_mark(d->generation->keyring)};
        r->patience = loop_timer_start(d->control, PATIENCE_MS, on_patience, r);
        r->workers = everywhere_run(d->site.worker_loops, d->started, d->control, nothing,
                                    on_every_worker, r);
    } else {
        admin_command_fail(c, 422, "the keys read before stay in use", &report);
    }
    report_dispose(&report);
}

void keys_command_register(daemon_state *d)
{
    admin_command_register(d->commands, server_admin_host(d->server), "/keys", on_keys, d);
}
