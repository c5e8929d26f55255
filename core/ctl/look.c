/* SPDX-License-Identifier: Apache-2.0 */
/* See look.h. */
#include "ctl/look.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)

const char *look_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

long long look_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

json_t *look_at(const json_t *object, const char *path)
{
    for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        char name[128];
        snprintf(name, sizeof(name), "%.*s", (int)(slash - path), path);
        object = json_object_get(object, name);
    }
    return json_object_get(object, path);
}

long long look_number_at(const json_t *object, const char *path)
{
    return json_integer_value(look_at(object, path));
}

int64_t look_counter(const json_t *look, const char *owner, const char *name)
{
    return look_number(json_object_get(json_object_get(look, "counters"), owner), name);
}

/* ---- peers ---- */

int64_t look_failed(const json_t *peer)
{
    static const char *const failures[] = {"bad_answer", "not_sent", "broken", "timeout"};
    const json_t *attempts = json_object_get(peer, "attempts");
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        sum += look_number(attempts, failures[i]);
    }
    return sum;
}

int64_t look_keys_end(const json_t *peer, int64_t now_ms)
{
    int64_t first_ms = INT64_MAX;
    size_t i;
    json_t *key;
    json_array_foreach(json_object_get(peer, "keys"), i, key)
    {
        const json_t *end = json_object_get(key, "not_after_ms");
        if (json_is_integer(end) && json_integer_value(end) > now_ms &&
            json_integer_value(end) < first_ms) {
            first_ms = json_integer_value(end);
        }
    }
    return first_ms;
}

const char *look_servers(const json_t *peer, char *text, size_t size)
{
    size_t i, used = 0;
    json_t *server;
    *text = '\0';
    json_array_foreach(json_object_get(peer, "servers"), i, server)
    {
        const char *circuit = look_text(server, "circuit");
        const bool closed = strcmp(circuit, "closed") == 0;
        const int more = snprintf(text + used, size - used, "%s%s%s%s%s", i > 0 ? ", " : "",
                                  look_text(server, "server"), closed ? "" : " (",
                                  closed ? "" : circuit, closed ? "" : ")");
        if (more < 0 || (size_t)more >= size - used) {
            break;
        }
        used += (size_t)more;
    }
    return text;
}

/* ---- tones ---- */

tone look_state_tone(const char *state)
{
    static const struct {
        const char *state;
        tone tone;
    } known[] = {{"up", TONE_GOOD},          {"ok", TONE_GOOD},          {"troubled", TONE_WARNING},
                 {"degraded", TONE_WARNING}, {"draining", TONE_WARNING}, {"down", TONE_BAD},
                 {"failed", TONE_BAD},       {"asks", TONE_QUIET}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(state, known[i].state) == 0) {
            return known[i].tone;
        }
    }
    return TONE_PLAIN;
}

/* As early as the log warns of certificates (daemon/validity.c); and when there is little time. */
tone look_end_tone(int64_t left_ms)
{
    return left_ms < 2 * DAY_MS ? TONE_BAD : left_ms < 14 * DAY_MS ? TONE_WARNING : TONE_PLAIN;
}

bool look_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static bool can_draw(int descriptor)
{
    const char *terminal = getenv("TERM");
    return isatty(descriptor) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

bool look_terminal(void)
{
    return can_draw(STDIN_FILENO) && can_draw(STDOUT_FILENO);
}

/* https://no-color.org: set, and not empty. */
bool look_colours(int descriptor)
{
    const char *none = getenv("NO_COLOR");
    return can_draw(descriptor) && (none == NULL || *none == '\0');
}
