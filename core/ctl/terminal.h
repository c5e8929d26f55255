/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal that is ours for a while: its other screen, no echo, no cursor. However the program
 * ends, by a signal too, the terminal is then as it was before; SIGKILL alone is beyond us. One at
 * a time. */
#pragma once

#include "ctl/sheet.h"

/* Takes the terminal of the standard output, and keys from that of the standard input. False when
 * one of them is none. */
CMP_MUST_USE bool terminal_begin(void);

/* Gives it back. */
void terminal_end(void);

/* Its size, as it is now. */
typedef struct terminal_size {
    unsigned columns, rows;
} terminal_size;
terminal_size terminal_size_now(void);

/* Shows the first lines, as many as there are rows, in place of what is there. In one
 * write, and nothing is wiped out before: it does not flicker. */
void terminal_show(const sheet *s, unsigned rows);

/* Waits for so long, for a key, or until it has to be drawn again: its size is another, or the
 * program was stopped and goes on. */
typedef enum terminal_event {
    TERMINAL_TIME,
    TERMINAL_DRAW,
    TERMINAL_KEY,  /* one is in *key */
    TERMINAL_GONE, /* there are no keys any more */
} terminal_event;
terminal_event terminal_wait(int64_t ms, char *key);
