/* SPDX-License-Identifier: Apache-2.0 */
/* What the replay memory is to remember, and what it answers. */
#pragma once

#include <cmp/base.h>

typedef enum replay_when_full {
    REPLAY_FORGET, /* the key's oldest is forgotten */
    REPLAY_REFUSE, /* the request is refused until the oldest has left the window */
} replay_when_full;

typedef struct replay_options {
    int64_t window_ms;      /* how long a request is remembered; at most 24 days */
    size_t size_bytes;      /* all memory, index included; at least 16 KiB are used */
    unsigned quota_percent; /* of them, that one key may fill; 1 to 100 */
    replay_when_full when_full;
} replay_options;

typedef enum replay_verdict {
    REPLAY_NEW,       /* not seen in the window; remembered now */
    REPLAY_IDENTICAL, /* seen, with the same digest */
    REPLAY_DIFFERENT, /* seen, with another digest */
    REPLAY_FULL,      /* REPLAY_REFUSE and no room in the key's quota */
} replay_verdict;
