/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the admin socket: what changes something, by POST, and is answered when it is done.
 *
 * A handler runs on the control thread, one command at a time: the next one begins when the one
 * before was answered. No worker waits for it. */
#pragma once

#include "admin/rights.h"
#include "conf/report.h"
#include "event/loop.h"

#include <jansson.h>

struct st_h2o_hostconf_t;

/* The commands of a process, and their queue. */
typedef struct admin_commands admin_commands;

/* One that is under way: the handler's from its begin until it answers. */
typedef struct admin_command admin_command;

/* Answers with one of the functions below, at once or later, exactly once, and with a time limit of
 * its own: all that come after it wait. Control thread. */
typedef void (*admin_command_run)(admin_command *c, void *arg);

/* `control` outlives it. Any thread. */
admin_commands *admin_commands_create(loop *control);

/* No worker has a request any more from here on: what is answered now goes nowhere. Control thread,
 * before the workers' loops go. */
void admin_commands_end(admin_commands *all);

/* When neither the control loop nor a worker turns any more. NULL is fine. */
void admin_commands_destroy(admin_commands **all);

/* `path` (static, with its slash) is answered by `run(command, arg)`, for those who have the right.
 * Before workers start. */
void admin_command_register(admin_commands *all, struct st_h2o_hostconf_t *host, const char *path,
                            admin_right right, admin_command_run run, void *arg);

/* The same for a question, by GET: `run` is called as soon as it comes, whatever command is under
 * way, and answers at once, with admin_command_text as well. It may look at all that is the control
 * thread's, and no worker waits for it. What is returned lives as long as `host`. */
typedef struct admin_query admin_query;
const admin_query *admin_query_register(admin_commands *all, struct st_h2o_hostconf_t *host,
                                        const char *path, admin_right right, admin_command_run run,
                                        void *arg);

/* Asks it for a request on a listener, whose worker's thread this is. Strangers may ask there: a
 * few are answered at a time, the rest is refused, so that they take nothing from operators. */
void admin_query_ask(const admin_query *q, struct st_h2o_req_t *req);

/* What was posted: a JSON object, or NULL when there was no body. The command's. */
const json_t *admin_command_body(const admin_command *c);

/* Whether the query has that flag: `?dry-run`, alone or among others between `&`. */
bool admin_command_flag(const admin_command *c, const char *name);

/* The Accept field of a query; absent: none came. The command's. */
cmp_str admin_command_accept(const admin_command *c);

/* Answers 200 with that text, which is handed over, of a type (static). Ends `c`. */
void admin_command_text(admin_command *c, const char *type, char *text, size_t size);

/* Answers 200 with that object; the reference is handed over. Ends `c`. */
void admin_command_done(admin_command *c, json_t *answer);

/* Answers a problem (RFC 9457): `detail` in a sentence, or NULL, and the errors of `report` (may be
 * NULL) as its member `errors`. Ends `c`. */
void admin_command_fail(admin_command *c, int status, const char *detail, const cmp_report *report);
