/* SPDX-License-Identifier: Apache-2.0 */
/* A command's way: the worker whose connection it is reads it, the control thread does it, the
 * worker answers.
 *
 * Its memory is its own, and neither h2o's nor the client's: whoever goes first tells nobody. `req`
 * belongs to the worker's thread, all else to the thread that has the command at the time. */
#include "admin/command.h"

#include "admin/answer.h"
#include "base/log.h"
#include "http/connection.h"

#include <cmp-kit/memory.h>

#include <h2o.h>
#include <stdlib.h>

#define WAITING_MAX 16 /* operators are few; a program gone wild is told so */
#define ASKED_MAX   4  /* and so are those who scrape; the control thread has else to do */
#define BODY_MAX    ((size_t)64 * 1024)

typedef struct admin_query {
    h2o_handler_t super; /* h2o's, and first */
    admin_commands *all;
    const char *path;
    bool query;
    admin_right right;
    admin_command_run run;
    void *arg;
} command_handler;

/* Lives with the request. */
typedef struct hook {
    connection *connection;
    admin_command *command; /* NULL: answered */
} hook;

struct admin_command {
    const command_handler *handler;
    loop *worker_loop;
    _Atomic unsigned *counted; /* where it is, until it is answered */
    hook *hook;                /* NULL: the client has gone */
    h2o_req_t *req;
    json_t *body;
    char *query, *accept; /* NULL: none came */
    int status;
    json_t *answer; /* or: */
    const char *type;
    char *text;
    size_t text_size;
    admin_command *next;
};

struct admin_commands {
    loop *control;
    /* Not answered yet, of operators and of others; whose workers count them. */
    _Atomic unsigned under_way, asked;
    admin_command *first, **last; /* the control thread's queue; the first is being done */
    bool ended;
};

admin_commands *admin_commands_create(loop *control)
{
    admin_commands *all = kit_calloc(1, sizeof(*all));
    all->control = control;
    all->last = &all->first;
    return all;
}

static void command_free(admin_command *c)
{
    json_decref(c->body);
    json_decref(c->answer);
    free(c->query);
    free(c->accept);
    free(c->text);
    free(c);
}

void admin_commands_end(admin_commands *all)
{
    all->ended = true;
}

void admin_commands_destroy(admin_commands **ref)
{
    admin_commands *all = *ref;
    *ref = NULL;
    if (all == NULL) {
        return;
    }
    for (admin_command *c = all->first, *next; c != NULL; c = next) {
        next = c->next;
        command_free(c);
    }
    free(all);
}

/* ---- the worker ---- */

static void answer(h2o_req_t *req, int status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    admin_answer_as(req, status, cmp_str_from(text));
    free(text);
}

static void refuse(h2o_req_t *req, int status, const char *detail)
{
    json_t *problem = admin_problem(status, detail);
    answer(req, status, problem);
    json_decref(problem);
}

/* With the answer, or because the client went first. */
static void on_dispose(void *arg)
{
    hook *h = arg;
    h->connection->active--;
    if (h->command != NULL) {
        h->command->hook = NULL;
    }
}

/* Back from the control thread. */
static void on_answered(void *arg)
{
    admin_command *c = arg;
    admin_commands *all = c->handler->all;
    (*c->counted)--;
    if (c->hook != NULL && !all->ended) {
        c->hook->command = NULL; /* h2o may dispose of the request while it sends */
        if (c->text != NULL) {
            admin_answer_text(c->req, c->type, (cmp_str){c->text, c->text_size});
        } else {
            answer(c->req, c->status, c->answer);
        }
    }
    command_free(c);
}

/* The first of the queue. At the end of the process what waits is left to the destroyer. */
static void begin(void *arg)
{
    const admin_commands *all = arg;
    admin_command *c = all->first;
    if (!all->ended) {
        c->handler->run(c, c->handler->arg);
    }
}

/* On the control thread. */
static void on_arrived(void *arg)
{
    admin_command *c = arg;
    admin_commands *all = c->handler->all;
    if (c->handler->query && !all->ended) {
        c->handler->run(c, c->handler->arg);
        return;
    }
    const bool idle = all->first == NULL;
    *all->last = c;
    all->last = &c->next;
    if (idle) {
        begin(all);
    }
}

/* An empty body is none. False: refused. */
static bool read_body(h2o_req_t *req, json_t **body)
{
    *body = NULL;
    if (req->entity.len > BODY_MAX) {
        refuse(req, 413, "a command's body has at most 64 KiB");
        return false;
    }
    if (req->entity.base == NULL || req->entity.len == 0) {
        return true;
    }
    json_error_t error;
    *body = json_loadb(req->entity.base, req->entity.len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(*body)) {
        refuse(req, 400, *body == NULL ? error.text : "the body is no JSON object");
        json_decref(*body);
        return false;
    }
    return true;
}

static bool is_path(const command_handler *h, const h2o_req_t *req)
{
    return h2o_memis(req->path_normalized.base, req->path_normalized.len, h->path, strlen(h->path));
}

static char *copy_query(const h2o_req_t *req)
{
    const size_t at = req->query_at != SIZE_MAX ? req->query_at + 1 : req->path.len;
    const size_t size = req->path.len - at;
    char *copy = kit_calloc(1, size + 1);
    memcpy(copy, req->path.base + at, size);
    return copy;
}

static char *copy_accept(const h2o_req_t *req)
{
    const ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_ACCEPT, -1);
    if (at < 0) {
        return NULL;
    }
    const h2o_iovec_t value = req->headers.entries[at].value;
    char *copy = kit_calloc(1, value.len + 1);
    memcpy(copy, value.base, value.len);
    return copy;
}

/* To the control thread. */
static void begin_command(const command_handler *h, h2o_req_t *req, json_t *body,
                          _Atomic unsigned *counted)
{
    connection *c = connection_of(req->conn);
    hook *k = h2o_mem_alloc_shared(&req->pool, sizeof(*k), on_dispose);
    admin_command *command = kit_calloc(1, sizeof(*command));
    *k = (hook){.connection = c, .command = command};
    *command = (admin_command){.handler = h,
                               .worker_loop = c->sw->worker->loop,
                               .counted = counted,
                               .hook = k,
                               .req = req,
                               .body = body,
                               .query = copy_query(req),
                               .accept = copy_accept(req)};
    c->active++; /* it is not idle while the answer is due */
    (*counted)++;
    loop_post(h->all->control, on_arrived, command);
}

static bool is_method(const h2o_req_t *req, const char *method)
{
    return h2o_memis(req->input.method.base, req->input.method.len, method, strlen(method));
}

/* False: refused. */
static bool check_method(const command_handler *h, h2o_req_t *req)
{
    if (h->query ? is_method(req, "GET") || is_method(req, "HEAD") : is_method(req, "POST")) {
        return true;
    }
    const char *allowed = h->query ? "GET, HEAD" : "POST";
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_ALLOW, NULL, allowed, strlen(allowed));
    refuse(req, 405,
           h->query ? "a question changes nothing: GET it"
                    : "a command changes something: POST it");
    return false;
}

static int on_command(h2o_handler_t *handler, h2o_req_t *req)
{
    const command_handler *h = (const command_handler *)handler;
    json_t *body;
    uid_t user;
    if (!rights_hold(req, h->right, &user)) {
        return 0;
    }
    if (!is_path(h, req)) {
        refuse(req, 404, "there is no such command");
    } else if (!check_method(h, req)) {
        return 0;
    } else if (h->all->under_way >= WAITING_MAX) {
        refuse(req, 503, "too many commands are waiting for those before them");
    } else if (read_body(req, &body)) {
        if (!h->query) {
            log_notice("admin", "user %u: %s", (unsigned)user, h->path);
        }
        begin_command(h, req, body, &h->all->under_way);
    }
    return 0;
}

void admin_query_ask(const admin_query *q, h2o_req_t *req)
{
    if (!check_method(q, req)) {
        return;
    }
    if (q->all->asked >= ASKED_MAX) {
        refuse(req, 503, "others are asking the same");
        return;
    }
    begin_command(q, req, NULL, &q->all->asked);
}

static const command_handler *add_handler(h2o_hostconf_t *host, const command_handler *as)
{
    h2o_pathconf_t *at = h2o_config_register_path(host, as->path, 0);
    command_handler *h = (command_handler *)h2o_create_handler(at, sizeof(*h));
    h->super.on_req = on_command;
    h->all = as->all;
    h->path = as->path;
    h->query = as->query;
    h->right = as->right;
    h->run = as->run;
    h->arg = as->arg;
    return h;
}

void admin_command_register(admin_commands *all, h2o_hostconf_t *host, const char *path,
                            admin_right right, admin_command_run run, void *arg)
{
    const command_handler as = {.all = all, .path = path, .right = right, .run = run, .arg = arg};
    add_handler(host, &as);
}

const admin_query *admin_query_register(admin_commands *all, h2o_hostconf_t *host, const char *path,
                                        admin_right right, admin_command_run run, void *arg)
{
    const command_handler as = {
        .all = all, .path = path, .query = true, .right = right, .run = run, .arg = arg};
    return add_handler(host, &as);
}

/* ---- the handler ---- */

const json_t *admin_command_body(const admin_command *c)
{
    return c->body;
}

cmp_str admin_command_accept(const admin_command *c)
{
    return cmp_str_from(c->accept);
}

bool admin_command_flag(const admin_command *c, const char *name)
{
    const size_t size = strlen(name);
    for (const char *at = c->query; *at != '\0';) {
        const size_t word = strcspn(at, "&");
        if (word == size && memcmp(at, name, size) == 0) {
            return true;
        }
        at += word + (at[word] == '&');
    }
    return false;
}

/* The next one has a turn of its own, so that handlers which answer at once do not stand on each
 * other. */
static void leave_queue(admin_commands *all, const admin_command *c)
{
    all->first = c->next;
    if (all->first == NULL) {
        all->last = &all->first;
    } else {
        loop_post(all->control, begin, all);
    }
}

static void finish(admin_command *c)
{
    admin_commands *all = c->handler->all;
    if (!c->handler->query) {
        leave_queue(all, c);
    }
    if (all->ended) {
        command_free(c);
    } else {
        loop_post(c->worker_loop, on_answered, c);
    }
}

void admin_command_text(admin_command *c, const char *type, char *text, size_t size)
{
    c->type = type;
    c->text = text;
    c->text_size = size;
    finish(c);
}

void admin_command_done(admin_command *c, json_t *json)
{
    c->status = 200;
    c->answer = json;
    finish(c);
}

void admin_command_fail(admin_command *c, int status, const char *detail, const cmp_report *report)
{
    json_t *problem = admin_problem(status, detail);
    if (report != NULL) {
        json_object_set_new(problem, "errors", admin_errors(report->errors, report->count));
    }
    c->status = status;
    c->answer = problem;
    finish(c);
}
