/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl keys revoke`: ends a key's validity, at once or at a time to come. */
#include "base/clock.h"
#include "ctl/args.h"
#include "ctl/credential.h"
#include "ctl/keyfile.h"
#include "ctl/keys.h"
#include "ctl/keys_place.h"
#include "ctl/output.h"

#include <cmp-kit/times.h>

typedef struct revoke_options {
    keys_place place;
    const char *id, *use, *peer, *at;
    bool remove;
} revoke_options;

static const args_row rows[] = {
    KEYS_PLACE_ROWS(revoke_options, place, "the keyring"),
    ARGS_NEEDED("id", revoke_options, id, "APIKEYID", "the key to end, or the token of that name"),
    ARGS_ROW("use", TEXT, revoke_options, use, "USE",
             "issued, received or token, when the id is several"),
    ARGS_ROW("peer", TEXT, revoke_options, peer, "NAME",
             "whose key it is, when several peers gave us one of that id"),
    ARGS_ROW("at", TEXT, revoke_options, at, "TIME", "valid until then (RFC 3339); otherwise now"),
    ARGS_ROW("delete", FLAG, revoke_options, remove, NULL, "take the key out of the file instead"),
    {.name = NULL},
};

static const args_command command = {
    .name = "keys revoke",
    .summary = "Ends a key's validity; it stays in the file, so that logs can be read",
    .details =
        "A running cmpd refuses it at once, on open connections too, and forgets its secret.\n\n"
        "  cmpctl keys revoke --config cmpd.yaml --id k-3f9a",
    .rows = rows,
};

static const char *const use_names[] = {
    [KEYFILE_ISSUED] = "issued", [KEYFILE_RECEIVED] = "received", [KEYFILE_TOKENS] = "token", NULL};

static const char *const use_labels[] = {[KEYFILE_ISSUED] = "issued key",
                                         [KEYFILE_RECEIVED] = "received key",
                                         [KEYFILE_TOKENS] = "token"};

/* Finds the entry, and its use when none was said (-1). */
static keyfile_entry *find(keyfile *k, const revoke_options *o, int *use)
{
    const int wanted = *use;
    keyfile_entry *found = NULL;
    for (int i = KEYFILE_ISSUED; i <= KEYFILE_TOKENS; i++) {
        bool several = false;
        keyfile_entry *one = (wanted < 0 || wanted == i) && (o->peer == NULL || i != KEYFILE_TOKENS)
                                 ? keyfile_find(k, (keyfile_list)i, o->id, o->peer, &several)
                                 : NULL;
        if (several) {
            output_fail(CREDENTIAL_SEVERAL, o->place.keys, o->id);
            return NULL;
        }
        if (one != NULL && found != NULL) {
            output_fail("\"%s\" is both %s and %s; say which with --use", o->id, use_names[*use],
                        use_names[i]);
            return NULL;
        }
        if (one != NULL) {
            found = one;
            *use = i;
        }
    }
    if (found == NULL) {
        output_fail(CREDENTIAL_NONE, o->place.keys, o->id);
    }
    return found;
}

/* Revoking never gives a key more time than it had. */
static bool end_at(keyfile *k, keyfile_entry *entry, int64_t at_ms)
{
    int64_t had_ms;
    char time[KIT_TIME_TEXT_SIZE];
    if (kit_time_parse(keyfile_get(entry, "not_before"), &had_ms) && had_ms >= at_ms) {
        kit_time_format(had_ms, time);
        output_fail("the key is not valid before %s; take it out with --delete", time);
        return false;
    }
    if (kit_time_parse(keyfile_get(entry, "not_after"), &had_ms) && had_ms <= at_ms) {
        kit_time_format(had_ms, time);
        output_fail("the key ends earlier than that, at %s", time);
        return false;
    }
    kit_time_format(at_ms, time);
    const keyfile_member member = {"not_after", time, true};
    keyfile_set(k, entry, &member);
    return true;
}

/* Ended rather than deleted: requests of last week are in logs under its id. */
static int revoke(const revoke_options *o, int use, int64_t at_ms)
{
    keyfile *k = keyfile_open(o->place.keys);
    if (k == NULL) {
        return EXIT_CANNOT;
    }
    keyfile_entry *entry = find(k, o, &use);
    bool done = entry != NULL;
    if (done && o->remove) {
        keyfile_remove(k, (keyfile_list)use, entry);
    } else if (done) {
        done = end_at(k, entry, at_ms);
    }
    /* Not refused for keys of other peers: revoking may be what mends the file, key by key. */
    done = done && keyfile_save(k, NULL);
    keyfile_close(&k);
    if (!done) {
        return EXIT_CANNOT;
    }
    char time[KIT_TIME_TEXT_SIZE];
    kit_time_format(at_ms, time);
    printf("%s: %s %s: %s%s\n", o->place.keys, use_labels[use], o->id,
           o->remove ? "taken out" : "valid until ", o->remove ? "" : time);
    return keys_place_tell(&o->place);
}

/* What was given, and with it the time at which the key ends. */
static bool check(const revoke_options *o, int *use, int64_t *at_ms)
{
    if (o->remove && o->at != NULL) {
        output_fail("--at and --delete exclude each other");
        return false;
    }
    return (o->use == NULL || args_choice("use", o->use, use_names, use)) &&
           (o->at == NULL || args_time("at", o->at, at_ms));
}

int keys_revoke_run(int argc, char **argv)
{
    revoke_options o = {.id = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    int use = -1;
    int64_t at_ms = clock_now_ms();
    const int status =
        check(&o, &use, &at_ms) && keys_place_find(&o.place) ? revoke(&o, use, at_ms) : EXIT_CANNOT;
    keys_place_dispose(&o.place);
    return status;
}
