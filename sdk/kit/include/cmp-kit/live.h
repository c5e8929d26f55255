/* SPDX-License-Identifier: Apache-2.0 */
/* What was read from a file, kept in step with it, all or nothing.
 *
 * When the file changes it is read anew on a pool thread. If it is good, each worker takes the new
 * content between two requests; while it is not, the old content goes on. So it does when the file
 * has lost most of what was in it, as one that somebody is writing, or that a failed export has
 * emptied: until it was left alone for a while, or an operator says that it is good; an instance
 * that replaces another one goes on with what that one has then. A request touches no lock and no
 * counter that another worker writes. Needs CMP_SERVICE_LOOP and CMP_SERVICE_OFFLOAD, and counts
 * `reloads`, `reload_failures` and `reloads_held` of the instance.
 */
#pragma once

#include <cmp-kit/file.h>
#include <cmp/plugin.h>

__BEGIN_DECLS

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

    /* How much there is in the content, in whatever unit; told to the operator. Any thread. */
    size_t (*count)(const void *content);

    /* Logs that there is new content, which took so many milliseconds. Control thread. */
    void (*log)(const void *content, int64_t ms, void *arg);

    /* For content that is not of the file alone (of the configuration, too): makes it anew, for the
     * instance of `arg`, from what was in the file that `content`, of the instance before it, was
     * made from. Never NULL. Control thread, in kit_live_create, which may drop it again. NULL:
     * instances share content as it is. */
    void *(*renew)(const void *content, void *arg);
} kit_live_kind;

/* What an operator may say about it. A plugin has one in its options, and its rows among its own.
 */
typedef struct kit_live_options {
    int64_t check_interval_ms;
    int64_t max_shrink; /* percent of the content that may be missing at once */
    int64_t settle_ms;  /* how long a file in which more is missing has to be left alone */
} kit_live_options;

/* NOLINTBEGIN(bugprone-macro-parentheses): a field's name cannot stand in them */
#define KIT_LIVE_ROWS(options, member)                                                             \
    CMP_ROW("check_interval", DURATION, options, member.check_interval_ms,                         \
            "how often the file is looked at for a change", CMP_DEFAULT("1s"),                     \
            CMP_RANGE(100, 86400000)),                                                             \
        CMP_ROW("max_shrink", INTEGER, options, member.max_shrink,                                 \
                "percent of what is in the file that a change may take away; if more is missing, " \
                "what was read before stays until the file has settled",                           \
                CMP_DEFAULT("50"), CMP_RANGE(0, 100)),                                             \
        CMP_ROW("settle", DURATION, options, member.settle_ms,                                     \
                "how long a file in which so much is missing has to stay unchanged until it is "   \
                "believed",                                                                        \
                CMP_DEFAULT("1m"), CMP_RANGE(0, 86400000))
/* NOLINTEND(bugprone-macro-parentheses) */

/* Reads the file for the first time; `path` may be NULL, and nothing ever changes then. `host`,
 * `options`, `path` and `arg`, which is handed to the kind's functions, must live as long as the
 * result. `previous` is that of the instance which this one replaces (create's `previous`), of the
 * same kind, or NULL: when the file at the same path has lost so much since that one read it, what
 * that one uses stays in use; what `renew` leaves out is not counted as lost. Registers the
 * counters: call it in create. NULL after a complaint to `report`; otherwise the caller's, to be
 * ended with kit_live_destroy. */
kit_live *kit_live_create(const cmp_host *host, const kit_live_kind *kind,
                          const kit_live_options *options, const char *path, void *arg,
                          const kit_live *previous, cmp_report *report);

/* From now on the file is looked at. In the plugin's start, on the control thread. */
void kit_live_start(kit_live *l, cmp_loop *loop);

/* The rows of kit_live_command, among the plugin's own. */
#define KIT_LIVE_COMMANDS                                                                          \
    {                                                                                              \
        .name = "accept", .help = "read the file now, and take it however much is missing in it"   \
    }

/* Does one of them, and ends it (cmp_host.command_done). What follows `instance` is what the
 * plugin's `command` was called with. */
void kit_live_command(kit_live *l, const char *name, cmp_str argument, uint64_t id);

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

__END_DECLS
