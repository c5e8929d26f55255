/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl peers`: how it is with each peer of the running daemon. */
#include "base/names.h"
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/grid.h"
#include "ctl/look.h"
#include "ctl/output.h"
#include "ctl/units.h"

#include <cmp-kit/times.h>

#include <stdlib.h>
#include <unistd.h>

typedef struct peers_options {
    const char *config, *socket;
    bool json;
} peers_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(peers_options),
    ADMIN_JSON_ROW(peers_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "peers",
    .operands = "[PEER]",
    .operand_most = 1,
    .summary = "Shows how it is with the peers of the running daemon, or with one of them",
    .details =
        "STATE is up; troubled, when the last request to it failed; degraded, when some of its\n"
        "servers are not used now; down, when none is; asks, when it has no server, and so is\n"
        "never asked. FAILED are requests to it that got no answer, or none that is one, since\n"
        "the daemon began; ANSWERED and ASKED say when it last did; KEYS END is the first end of\n"
        "a key that is good now. Of one peer each server with its circuit is shown, what came of\n"
        "requests to it, and each key with its last use.\n\n"
        "  cmpctl peers --config cmpd.yaml\n"
        "  cmpctl peers --config cmpd.yaml b\n",
    .rows = rows,
};

/* ---- all ---- */

static const grid_column columns[] = {
    {.title = "PEER"},
    {.title = "STATE"},
    {.title = "IN FLIGHT", .right = true},
    {.title = "FAILED", .right = true},
    {.title = "ANSWERED", .right = true},
    {.title = "ASKED", .right = true},
    {.title = "KEYS END", .right = true},
    {.title = "SERVERS"},
    {.title = NULL},
};

static void put_time_ago(grid *g, const json_t *peer, const char *name, int64_t now_ms)
{
    char span[UNITS_TEXT_SIZE];
    if (json_is_integer(json_object_get(peer, name))) {
        const int64_t ms = now_ms - look_number(peer, name);
        grid_cell(g, TONE_PLAIN, "%s ago", units_span(ms > 0 ? ms : 0, span));
    } else {
        grid_cell(g, TONE_QUIET, "never");
    }
}

static void put_keys_end(grid *g, const json_t *peer, int64_t now_ms)
{
    char span[UNITS_TEXT_SIZE];
    const int64_t end_ms = look_keys_end(peer, now_ms);
    if (end_ms == INT64_MAX) {
        grid_cell(g, TONE_QUIET, "-");
    } else {
        grid_cell(g, look_end_tone(end_ms - now_ms), "in %s", units_span(end_ms - now_ms, span));
    }
}

static void put_peer(grid *g, const json_t *peer, int64_t now_ms)
{
    char servers[160];
    const char *state = look_text(peer, "state");
    grid_cell(g, TONE_PLAIN, "%s", look_text(peer, "peer"));
    grid_cell(g, look_state_tone(state), "%s", state);
    grid_cell(g, TONE_PLAIN, "%lld", look_number(peer, "in_flight"));
    grid_cell(g, TONE_PLAIN, "%lld", (long long)look_failed(peer));
    put_time_ago(g, peer, "last_answered_ms", now_ms);
    put_time_ago(g, peer, "last_asked_ms", now_ms);
    put_keys_end(g, peer, now_ms);
    grid_cell(g, TONE_PLAIN, "%s", look_servers(peer, servers, sizeof(servers)));
}

static void show_all(const json_t *answer, sheet *to)
{
    const int64_t now_ms = look_number(answer, "now_ms");
    grid *g = grid_create(columns);
    size_t i;
    json_t *peer;
    json_array_foreach(json_object_get(answer, "peers"), i, peer)
    {
        put_peer(g, peer, now_ms);
    }
    grid_draw(g, to, true, SIZE_MAX, 0);
    grid_destroy(&g);
}

/* ---- one ---- */

static const grid_column key_columns[] = {
    {.title = "KEY"}, {.title = "USE"}, {.title = "ENDS"}, {.title = "LAST USED"}, {.title = NULL}};

static void put_key(grid *g, const json_t *key, int64_t now_ms)
{
    char time[KIT_TIME_TEXT_SIZE];
    grid_cell(g, TONE_PLAIN, "%s", look_text(key, "id"));
    grid_cell(g, TONE_PLAIN, "%s", look_text(key, "use"));
    if (json_is_integer(json_object_get(key, "not_after_ms"))) {
        const int64_t end_ms = look_number(key, "not_after_ms");
        kit_time_format(end_ms, time);
        grid_cell(g, look_end_tone(end_ms - now_ms), "%s", time);
    } else {
        grid_cell(g, TONE_QUIET, "-");
    }
    put_time_ago(g, key, "last_use_ms", now_ms);
}

static void show_keys(const json_t *peer, sheet *to, int64_t now_ms)
{
    grid *g = grid_create(key_columns);
    size_t i;
    json_t *key;
    json_array_foreach(json_object_get(peer, "keys"), i, key)
    {
        put_key(g, key, now_ms);
    }
    if (grid_rows(g) > 0) {
        sheet_end_line(to);
        grid_draw(g, to, true, SIZE_MAX, 0);
    }
    grid_destroy(&g);
}

static void show_server(const json_t *server, sheet *to)
{
    const char *circuit = look_text(server, "circuit");
    const bool closed = strcmp(circuit, "closed") == 0;
    sheet_put(to, TONE_PLAIN, "server ");
    sheet_name(to, TONE_PLAIN, look_text(server, "server"));
    sheet_put(to, TONE_PLAIN, ": circuit ");
    sheet_name(to, closed ? TONE_GOOD : TONE_BAD, circuit);
    sheet_end_line(to);
}

static void show_attempts(const json_t *peer, sheet *to)
{
    const char *result, *separator = "";
    json_t *count;
    sheet_put(to, TONE_PLAIN, "asked by us: ");
    json_object_foreach(json_object_get(peer, "attempts"), result, count)
    {
        if (json_integer_value(count) > 0) {
            sheet_put(to, TONE_PLAIN, "%s%lld %s", separator, (long long)json_integer_value(count),
                      result);
            separator = ", ";
        }
    }
    sheet_put(to, TONE_PLAIN, "%s%lld in flight", separator, look_number(peer, "in_flight"));
    sheet_end_line(to);
    sheet_put(to, TONE_PLAIN, "asked us: %lld transactions, %lld of them answered with an error",
              look_number(peer, "transactions"), look_number(peer, "problems"));
    sheet_end_line(to);
}

static void show_one(const json_t *peer, sheet *to, int64_t now_ms)
{
    const char *state = look_text(peer, "state");
    size_t i;
    json_t *server;
    sheet_name(to, TONE_STRONG, look_text(peer, "peer"));
    sheet_put(to, TONE_PLAIN, " ");
    sheet_name(to, TONE_PLAIN, look_text(peer, "host"));
    sheet_put(to, TONE_PLAIN, ": ");
    sheet_name(to, look_state_tone(state), state);
    sheet_end_line(to);
    json_array_foreach(json_object_get(peer, "servers"), i, server)
    {
        show_server(server, to);
    }
    show_attempts(peer, to);
    show_keys(peer, to, now_ms);
}

static const json_t *find(const json_t *answer, const char *name)
{
    size_t i;
    json_t *peer;
    json_array_foreach(json_object_get(answer, "peers"), i, peer)
    {
        if (strcmp(look_text(peer, "peer"), name) == 0) {
            return peer;
        }
    }
    output_fail("there is no peer \"%s\" under peers; see cmpctl peers", name);
    return NULL;
}

static void print(const sheet *s)
{
    for (size_t i = 0; i < sheet_count(s); i++) {
        const cmp_str line = sheet_line(s, i);
        fwrite(line.at, 1, line.size, stdout);
        putchar('\n');
    }
}

int peers_run(int argc, char **argv)
{
    peers_options o = {.config = NULL};
    char **words;
    const args_result parsed = args_parse_some(&command, argc, argv, &o, &words);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    json_t *answer = admin_ask(o.config, o.socket, "/peers");
    const json_t *one = answer != NULL && words[0] != NULL ? find(answer, words[0]) : NULL;
    if (answer == NULL || (words[0] != NULL && one == NULL)) {
        json_decref(answer);
        return EXIT_CANNOT;
    }
    if (o.json) {
        output_json(one != NULL ? json_deep_copy(one) : json_incref(answer));
    } else {
        sheet *s = sheet_create(0, look_colours(STDOUT_FILENO), false);
        if (one != NULL) {
            show_one(one, s, look_number(answer, "now_ms"));
        } else {
            show_all(answer, s);
        }
        print(s);
        sheet_destroy(&s);
    }
    json_decref(answer);
    return EXIT_GOOD;
}
