/* SPDX-License-Identifier: Apache-2.0 */
/* One look at the daemon, as it was answered (daemon/status.h): its members, and what they mean to
 * people. */
#pragma once

#include "ctl/sheet.h"

#include <jansson.h>

/* A member; "" and 0 when it is none. */
const char *look_text(const json_t *object, const char *name);
long long look_number(const json_t *object, const char *name);

/* What is at a path of members, "counters/journal"; NULL: nothing. And the number that is there. */
json_t *look_at(const json_t *object, const char *path);
long long look_number_at(const json_t *object, const char *path);

/* What the daemon has counted by then. */
int64_t look_counter(const json_t *look, const char *owner, const char *name);

/* Of a peer: requests to it that got no answer, or none that is one; the first end of a key that is
 * good now (INT64_MAX: none ends); its servers, those with an open circuit with that word, in
 * `text`, which is returned. */
int64_t look_failed(const json_t *peer);
int64_t look_keys_end(const json_t *peer, int64_t now_ms);
const char *look_servers(const json_t *peer, char *text, size_t size);

/* How a state, or what is left until an end, is shown. */
tone look_state_tone(const char *state);
tone look_end_tone(int64_t left_ms);

/* Whether the locale (LC_CTYPE, which was set) has UTF-8; and whether both standard input and
 * output are a terminal that can be drawn on. */
bool look_utf8(void);
bool look_terminal(void);

/* Whether what is written to a descriptor may have colours: it is a terminal, and nobody has said
 * otherwise (NO_COLOR, TERM=dumb). */
bool look_colours(int descriptor);
