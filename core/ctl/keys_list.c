/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl keys list`: which keys there are, and which of them are valid. Never a secret. */
#include "base/clock.h"
#include "ctl/args.h"
#include "ctl/keys.h"
#include "ctl/output.h"
#include "peers/keyring.h"

#include <cmp-kit/times.h>

typedef struct list_options {
    const char *keys;
    bool json;
} list_options;

static const args_row rows[] = {
    ARGS_NEEDED("keys", list_options, keys, "FILE", "the keyring"),
    ARGS_JSON_ROW(list_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "keys list",
    .summary = "Shows all keys: id, use, peer, hash, window and state; never secrets",
    .rows = rows,
};

static const char *state_of(const cmp_key *key, int64_t now_ms)
{
    return now_ms < key->not_before_ms  ? "future"
           : now_ms > key->not_after_ms ? "expired"
                                        : "valid";
}

static const char *use_of(const cmp_key *key)
{
    return key->use == CMP_KEY_ISSUED ? "issued" : "received";
}

/* Columns for people. Their widths are guesses and may run over; scripts take --json. */
static void print_row(const cmp_key *key, void *arg)
{
    const int64_t now_ms = *(const int64_t *)arg;
    char from[KIT_TIME_TEXT_SIZE] = "-", until[KIT_TIME_TEXT_SIZE] = "-";
    if (key->not_before_ms != INT64_MIN) {
        kit_time_format(key->not_before_ms, from);
    }
    if (key->not_after_ms != INT64_MAX) {
        kit_time_format(key->not_after_ms, until);
    }
    printf("%-20.*s %-8s  %-14.*s %-7s %-7s  %-24s  %s\n", (int)key->id.size, key->id.at,
           use_of(key), (int)key->peer.size, key->peer.at, key_hash_names[key->hash],
           state_of(key, now_ms), from, until);
}

static const char *token_state(const token *t, int64_t now_ms)
{
    return now_ms > t->not_after_ms ? "expired" : "valid";
}

static void print_token(const token *t, int64_t now_ms)
{
    char until[KIT_TIME_TEXT_SIZE] = "-";
    if (t->not_after_ms != INT64_MAX) {
        kit_time_format(t->not_after_ms, until);
    }
    const bool both = token_may(t, TOKEN_READ) && token_may(t, TOKEN_WRITE);
    printf("%-20.*s %-8s  %-14s %-7s %-7s  %-24s  %s\n", (int)t->name.size, t->name.at, "token",
           both                       ? "(read, write)"
           : token_may(t, TOKEN_READ) ? "(read)"
                                      : "(write)",
           "-", token_state(t, now_ms), "-", until);
}

typedef struct json_list {
    json_t *array;
    int64_t now_ms;
} json_list;

static void add_row(const cmp_key *key, void *arg)
{
    json_list *list = arg;
    json_t *row = json_object();
    json_object_set_new(row, "id", output_json_text(key->id));
    json_object_set_new(row, "use", json_string(use_of(key)));
    json_object_set_new(row, "peer", output_json_text(key->peer));
    json_object_set_new(row, "hash", json_string(key_hash_names[key->hash]));
    json_object_set_new(row, "state", json_string(state_of(key, list->now_ms)));
    char time[KIT_TIME_TEXT_SIZE];
    if (key->not_before_ms != INT64_MIN) {
        kit_time_format(key->not_before_ms, time);
        json_object_set_new(row, "not_before", json_string(time));
    }
    if (key->not_after_ms != INT64_MAX) {
        kit_time_format(key->not_after_ms, time);
        json_object_set_new(row, "not_after", json_string(time));
    }
    if (key->use == CMP_KEY_ISSUED) {
        json_object_set_new(row, "tid_format", json_string(key_tid_format_names[key->tid_format]));
    } else {
        json_object_set_new(row, "encoding", json_string(key_encoding_names[key->encoding]));
    }
    json_array_append_new(list->array, row);
}

static void add_token(const token *t, const json_list *list)
{
    json_t *row = json_object(), *allow = json_array();
    for (int right = TOKEN_READ; right <= TOKEN_WRITE; right++) {
        if (token_may(t, (token_right)right)) {
            json_array_append_new(allow, json_string(token_right_names[right]));
        }
    }
    json_object_set_new(row, "id", output_json_text(t->name));
    json_object_set_new(row, "use", json_string("token"));
    json_object_set_new(row, "allow", allow);
    json_object_set_new(row, "state", json_string(token_state(t, list->now_ms)));
    if (t->not_after_ms != INT64_MAX) {
        char time[KIT_TIME_TEXT_SIZE];
        kit_time_format(t->not_after_ms, time);
        json_object_set_new(row, "not_after", json_string(time));
    }
    json_array_append_new(list->array, row);
}

static void print_all(const keyring *ring, bool as_json)
{
    int64_t now_ms = clock_now_ms();
    const tokens *all = keyring_tokens(ring);
    if (as_json) {
        json_list list = {json_array(), now_ms};
        keyring_each(ring, CMP_KEY_ISSUED, add_row, &list);
        keyring_each(ring, CMP_KEY_RECEIVED, add_row, &list);
        for (size_t i = 0; i < all->count; i++) {
            add_token(&all->at[i], &list);
        }
        output_json(list.array);
        return;
    }
    printf("%-20s %-8s  %-14s %-7s %-7s  %-24s  %s\n", "ID", "USE", "PEER", "HASH", "STATE",
           "NOT BEFORE", "NOT AFTER");
    keyring_each(ring, CMP_KEY_ISSUED, print_row, &now_ms);
    keyring_each(ring, CMP_KEY_RECEIVED, print_row, &now_ms);
    for (size_t i = 0; i < all->count; i++) {
        print_token(&all->at[i], now_ms);
    }
}

int keys_list_run(int argc, char **argv)
{
    list_options o = {.keys = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    cmp_report report;
    report_init(&report);
    keyring *ring = keyring_load(o.keys, NULL, NULL, &report);
    output_fail_report(&report);
    report_dispose(&report);
    if (ring == NULL) {
        return EXIT_CANNOT;
    }
    print_all(ring, o.json);
    keyring_unref(&ring);
    return EXIT_GOOD;
}
