/* What was read from a file, kept in step with it, all or nothing.
 *
 * When the file changes it is read anew on a pool thread. If it is good, each worker takes the new
 * content between two requests; while it is not, the old content goes on. A request touches no
 * lock and no counter that another worker writes. Needs CMP_SERVICE_LOOP and CMP_SERVICE_OFFLOAD,
 * and counts `reloads` and `reload_failures` of the instance. */
#pragma once

#include <cmp-kit/file.h>

typedef struct kit_live kit_live;

/* What the content is. Static. */
typedef struct kit_live_kind {
    const char *what;   /* in log lines: "codes" */
    const char *option; /* the one that has the path */

    /* Makes the content from the file (see kit_file_reader). NULL after the error was filled in.
     * On the control thread in kit_live_create, then on a pool thread; one at a time. */
    void *(*read)(kit_file *f, void *arg);

    /* The content is not used any more. Control thread. */
    void (*free)(void *content);

    /* Logs that there is new content, which took so many milliseconds. Control thread. */
    void (*log)(const void *content, int64_t ms, void *arg);
} kit_live_kind;

/* Reads the file for the first time; `path` may be NULL, and nothing ever changes then. `host`,
 * `path` and `arg`, which is handed to the kind's functions, must live as long as the result.
 * Registers the counters: call it in create. NULL after a complaint to `report`; otherwise the
 * caller's, to be ended with kit_live_destroy. */
kit_live *kit_live_create(const cmp_host *host, const kit_live_kind *kind, const char *path,
                          void *arg, cmp_report *report);

/* From now on the file is looked at so often. In the plugin's start, on the control thread. */
void kit_live_start(kit_live *l, cmp_loop *loop, int64_t check_interval_ms);

/* Frees all content, and *l, which it nulls; NULL is fine. In destroy: every share was given back.
 */
void kit_live_destroy(kit_live **l);

/* A use of the content. What worker_start returns has to begin with one, as workers get to new
 * content by it. */
typedef struct kit_live_share {
    void *content;
    struct kit_live_snapshot *of; /* the live's own */
} kit_live_share;

/* Takes and gives back a share, whose memory is the caller's. In worker_start and worker_stop,
 * where share->content is the newest between two requests and valid until control is back in the
 * worker's loop; or around any other use, on any thread, with content that stays what it is. */
void kit_live_join(kit_live *l, kit_live_share *share);
void kit_live_leave(kit_live *l, kit_live_share *share);
