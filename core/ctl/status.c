/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl status`: how the running daemon is, as a live screen, once, or for programs. */
#include "base/clock.h"
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/look.h"
#include "ctl/output.h"
#include "ctl/status_live.h"
#include "ctl/status_view.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define INTERVAL_MS    1000
#define INTERVAL_LEAST 100
#define INTERVAL_MOST  3600000
#define LOOK_TIMEOUT_S 10

typedef struct status_options {
    const char *config, *socket, *interval;
    bool json, once;
} status_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(status_options),
    ARGS_ROW("interval", TEXT, status_options, interval, "TIME",
             "between two looks, such as 500ms or 5s; otherwise 1s"),
    ARGS_ROW("once", FLAG, status_options, once, NULL, "print it once, behind two looks"),
    ARGS_ROW("json", FLAG, status_options, json, NULL, "the same for programs"),
    {.name = NULL},
};

static const args_command command = {
    .name = "status",
    .summary = "Shows how the running daemon is",
    .details =
        "On a terminal it goes on until q or Ctrl-C; elsewhere it prints once, as with --once.\n"
        "What is told a second, and how long transactions took (the time that half of them, 90\n"
        "and 99 of 100 stayed below), is of the time between the last two looks. OUT/S are\n"
        "requests to a peer, IN/S those that it sent; BEFORE are connections before their turn or\n"
        "their handshake's end. Peers in trouble stand first. NO_COLOR is respected.\n\n"
        "  cmpctl status --config cmpd.yaml\n"
        "  cmpctl status --config cmpd.yaml --json | jq .between\n",
    .rows = rows,
};

/* ---- once ---- */

/* The looks are the caller's; false after a message. */
static bool look_twice(const char *socket, int64_t interval_ms, json_t **before, json_t **now)
{
    char failure[ADMIN_FAILURE_SIZE];
    *before = admin_look(socket, "/status", LOOK_TIMEOUT_S, failure, sizeof(failure));
    *now = NULL;
    if (*before != NULL) {
        usleep((useconds_t)interval_ms * 1000);
        *now = admin_look(socket, "/status", LOOK_TIMEOUT_S, failure, sizeof(failure));
    }
    if (*now == NULL) {
        output_fail("%s", failure);
    }
    return *now != NULL;
}

static void print_once(const figures *f)
{
    sheet *s = sheet_create(0, look_colours(STDOUT_FILENO), !look_utf8());
    const status_scene scene = {.history = NULL};
    status_draw(f, &scene, UINT32_MAX, s);
    for (size_t i = 0; i < sheet_count(s); i++) {
        const cmp_str line = sheet_line(s, i);
        fwrite(line.at, 1, line.size, stdout);
        putchar('\n');
    }
    sheet_destroy(&s);
}

static int once(const char *socket, int64_t interval_ms, bool json)
{
    json_t *before, *now;
    int status = EXIT_CANNOT;
    if (look_twice(socket, interval_ms, &before, &now)) {
        const figures f = figures_of(now, before);
        if (json) {
            json_object_set_new(now, "between", figures_json(&f));
            output_json(json_incref(now));
        } else {
            print_once(&f);
        }
        status = EXIT_GOOD;
    }
    json_decref(before);
    json_decref(now);
    return status;
}

int status_run(int argc, char **argv)
{
    status_options o = {.config = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    int64_t interval_ms;
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    const char *socket = NULL;
    setlocale(LC_CTYPE, "");
    if (args_duration("interval", o.interval, INTERVAL_MS, INTERVAL_LEAST, INTERVAL_MOST,
                      &interval_ms)) {
        socket = admin_socket_of(o.config, o.socket, &memory);
    }
    const int status = socket == NULL                         ? EXIT_CANNOT
                       : o.once || o.json || !look_terminal() ? once(socket, interval_ms, o.json)
                                                              : status_live(socket, interval_ms);
    kit_arena_reset(&memory);
    return status;
}
