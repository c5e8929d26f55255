/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder know of the running process: daemon.c, workers.c. */
#pragma once

#include "admin/admin.h"
#include "admin/command.h"
#include "daemon/budget.h"
#include "daemon/build.h"
#include "daemon/keys_watch.h"
#include "daemon/outline.h"
#include "daemon/takeover.h"
#include "daemon/tls_watch.h"
#include "http/server.h"
#include "observe/watchdog.h"
#include "pipeline/worker.h"

#include <pthread.h>

typedef struct daemon_state daemon_state;
typedef struct restarting restarting; /* restart.c */

typedef struct worker_thread {
    daemon_state *d;
    pthread_t id;
    worker worker;
    loop *loop;
    generation *first; /* that it begins with */
    server_worker *server;
    sockets_hand *hand; /* that it begins with */
    int admin;          /* the admin socket's, that it begins with. -1: none */
    bool drains;        /* from the beginning */
    watched watched;
    bool drained;
} worker_thread;

struct daemon_state {
    loop *control;
    build_site build;
    uint64_t began_ms;      /* clock_monotonic_ms */
    int64_t began_at_ms;    /* the same moment in Unix time */
    unsigned generations;   /* put in force so far: the number of the newest */
    generation *generation; /* the newest, and behind it those that live: see generations.h */
    cmp_timer *age_timer;   /* NULL: there is no older one */
    outline first;          /* what the process began with; see reload.h */
    instance_site site;
    budget budget;
    inherited inherited; /* sockets that were given to the process */
    takeover takeover;
    sockets *sockets;
    server *server;
    admin *admin;
    admin_commands *commands;
    struct plugin_commands *plugin_commands; /* plugin_command.h */
    process process;
    watched watched; /* the control thread */
    worker_thread *threads;
    unsigned started; /* threads that were created */
    unsigned ready, ended;
    void (*on_ready)(daemon_state *d); /* all of them */
    keys_watch *keys;
    tls_watch *tls;
    restarting *restart; /* NULL: none is under way */
    bool asked_to_drain; /* by an operator; serves all the same */
    bool stopping;
    bool failed; /* it stops for that */
    uint64_t stopping_since_ms;
};
