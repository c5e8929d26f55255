/* SPDX-License-Identifier: Apache-2.0 */
/* See keys_place.h. */
#include "ctl/keys_place.h"

#include "base/names.h"
#include "conf/conf.h"
#include "ctl/admin_ask.h"
#include "ctl/output.h"
#include "peers/keyring.h"
#include "peers/peers.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

/* Longer than the daemon waits for its workers, and those that came before for theirs. */
#define TIMEOUT_S 30

/* Before anything is changed, so that a wrong configuration is told while nothing has happened. */
static bool read_config(keys_place *p)
{
    cmp_report report;
    report_init(&report);
    p->conf = conf_load(p->config, &report);
    const bool good = p->conf != NULL && report.count == 0;
    if (good) {
        p->peers = peers_create(&p->conf->top);
    } else {
        output_fail_report(&report);
    }
    report_dispose(&report);
    return good;
}

bool keys_place_find(keys_place *p)
{
    if (p->config != NULL && !read_config(p)) {
        return false;
    }
    if (p->conf != NULL) {
        const conf_top *top = &p->conf->top;
        p->keys = p->keys != NULL ? p->keys : top->keys;
        p->socket = p->socket != NULL ? p->socket : top->admin.socket;
    }
    if (p->keys == NULL && p->config != NULL) {
        output_fail("%s: it names no keyring (keys)", p->config);
    } else if (p->keys == NULL) {
        output_fail("--keys or --config has to be given");
    }
    return p->keys != NULL;
}

void keys_place_dispose(keys_place *p)
{
    peers_unref(&p->peers);
    conf_destroy(&p->conf);
}

bool keys_place_has_peer(const keys_place *p, const char *name)
{
    if (p->peers == NULL || peers_find(p->peers, cmp_str_from(name)) != NULL) {
        return true;
    }
    const cmp_rows *all = &p->conf->top.peers;
    const char **names = kit_calloc(all->count + 1, sizeof(*names));
    for (size_t i = 0; i < all->count; i++) {
        names[i] = ((const conf_peer *)all->at)[i].name;
    }
    const char *near = name_nearest(cmp_str_from(name), names);
    if (near != NULL) {
        output_fail("%s: there is no peer \"%s\"; did you mean \"%s\"?", p->config, name, near);
    } else {
        output_fail("%s: there is no peer \"%s\", and cmpd refuses a keyring with a key of one",
                    p->config, name);
    }
    free(names);
    return false;
}

static bool is_state(const kit_file_mark *m, const char *text)
{
    char own[KEYRING_MARK_TEXT_SIZE];
    keyring_mark_text(m, own);
    return strcmp(own, text) == 0;
}

/* The daemon says what file it has read, in which state: the change is in force only when that is
 * this file as it was left, or as it is now; whoever changed it meanwhile left our change in it. */
static int judge(const keys_place *p, const kit_file_mark *saved, const json_t *answer)
{
    const char *mark = json_string_value(json_object_get(answer, "mark"));
    const char *theirs = json_string_value(json_object_get(answer, "keyring"));
    const kit_file_mark now = kit_file_mark_of(p->keys);
    if (mark == NULL || theirs == NULL) {
        return output_fail("%s: answered without its keyring; is the daemon another version?",
                           p->socket);
    }
    if (!is_state(saved, mark) && !is_state(&now, mark)) {
        output_fail("%s: saved, but not in force: the daemon at %s has read %s, which is not this "
                    "file as it is",
                    p->keys, p->socket, theirs);
        return EXIT_BAD;
    }
    printf("%s: ", p->keys);
    admin_print_workers("in force", answer);
    return EXIT_GOOD;
}

int keys_place_shown(const keys_place *p, const char *id)
{
    if (output_end() == EXIT_GOOD) {
        return EXIT_GOOD;
    }
    output_fail("%s: %s was saved, but could not be shown, and nobody else knows its secret: take "
                "it out with cmpctl keys revoke --keys %s --id %s --delete, and make another",
                p->keys, id, p->keys, id);
    return EXIT_BAD;
}

int keys_place_tell(const keys_place *p)
{
    const kit_file_mark saved = kit_file_mark_of(p->keys);
    json_t *answer = NULL;
    int status = EXIT_GOOD;
    if (p->no_wait || p->socket == NULL) {
        printf("%s: saved; a cmpd that runs takes it within a second%s\n", p->keys,
               p->no_wait          ? ""
               : p->config != NULL ? " (admin.socket is not configured, so it cannot be asked)"
                                   : " (--config would wait for its word)");
        return EXIT_GOOD;
    }
    switch (admin_post(p->socket, "/keys", NULL, TIMEOUT_S, &answer)) {
    case ADMIN_DONE:
        status = judge(p, &saved, answer);
        break;
    case ADMIN_ABSENT:
        printf("%s: saved; nobody listens at %s\n", p->keys, p->socket);
        break;
    case ADMIN_REFUSED:
        output_fail("%s: saved, but not in force", p->keys);
        status = EXIT_BAD;
        break;
    case ADMIN_UNKNOWN:
        output_fail("%s: saved; whether it is in force is not known", p->keys);
        status = EXIT_CANNOT;
        break;
    }
    json_decref(answer);
    return status;
}
