/* SPDX-License-Identifier: Apache-2.0 */
/* See rights.h. Asked anew for each request: a reload may have changed who may what. */
#include "admin/rights.h"

#include "admin/answer.h"
#include "http/connection.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_FIRST 32 /* that most users have no more of */

/* ---- who it is ---- */

/* The supplementary groups behind the first one; those of one who has very many are asked for
 * again. */
static void read_groups(int fd, gid_t first, groups *found)
{
    socklen_t size = GROUPS_FIRST * sizeof(gid_t);
    gid_t *ids = kit_alloc(sizeof(gid_t) + size);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ids + 1, &size) != 0 &&
        size > GROUPS_FIRST * sizeof(gid_t)) {
        ids = kit_realloc(ids, sizeof(gid_t) + size);
        size = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ids + 1, &size) == 0 ? size : 0;
    }
    ids[0] = first;
    *found = (groups){.at = ids, .count = 1 + size / sizeof(gid_t)};
}

/* Its groups are the caller's to free. False: the kernel does not say. */
static bool read_asker(int fd, rights_asker *who)
{
    struct ucred id;
    socklen_t size = sizeof(id);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &id, &size) != 0) {
        return false;
    }
    who->user = id.uid;
    read_groups(fd, id.gid, &who->groups);
    return true;
}

/* ---- what it may ---- */

static bool is_ours(uid_t user)
{
    return user == 0 || user == geteuid();
}

bool rights_has(const generation *g, const rights_asker *who, admin_right right)
{
    return is_ours(who->user) || groups_share(&who->groups, &g->operators) ||
           (right == ADMIN_READ && groups_share(&who->groups, &g->readers));
}

bool rights_given(const generation *g)
{
    return g->operators.count + g->readers.count > 0;
}

bool rights_some(const generation *g, int fd)
{
    rights_asker who = {.user = (uid_t)-1};
    const bool some = read_asker(fd, &who) && rights_has(g, &who, ADMIN_READ);
    free(who.groups.at);
    return some;
}

/* ---- the answer ---- */

static void put_groups(FILE *to, const char *key, const cmp_strings *names)
{
    for (size_t i = 0; i < names->count; i++) {
        fprintf(to, "%s%s", i > 0 ? ", " : "", names->at[i]);
    }
    fprintf(to, "%s (%s), ", names->count > 0 ? "" : "nobody", key);
}

/* As in: "user 1000 may not change anything here: root, cmpd's own user and members of ops
 * (admin.operators) may". */
static char *words_of(const conf_admin *c, admin_right right, uid_t user)
{
    char *words = NULL;
    size_t size;
    FILE *to = open_memstream(&words, &size);
    fprintf(to, "user %u has no right to %s here: that have root, cmpd's own user, and of groups ",
            (unsigned)user, right == ADMIN_READ ? "read" : "change something");
    put_groups(to, "admin.operators", &c->operators);
    if (right == ADMIN_READ) {
        put_groups(to, "admin.readers", &c->readers);
    }
    fclose(to);
    words[size - 2] = '\0'; /* the last comma */
    return words;
}

static void refuse(h2o_req_t *req, const conf_admin *c, admin_right right, uid_t user)
{
    char *words = words_of(c, right, user);
    json_t *problem = admin_problem(403, words);
    char *text = json_dumps(problem, JSON_COMPACT);
    admin_answer_as(req, 403, cmp_str_from(text));
    free(text);
    free(words);
    json_decref(problem);
}

bool rights_hold(h2o_req_t *req, admin_right right, uid_t *user)
{
    const connection *c = connection_of(req->conn);
    rights_asker who = {.user = (uid_t)-1};
    const bool known = read_asker(h2o_socket_get_fd(c->socket), &who);
    if (user != NULL) {
        *user = who.user;
    }
    const bool ours = known && is_ours(who.user); /* without a look at the groups */
    const generation *g = ours ? NULL : c->sw->worker->tenure->generation;
    const bool holds = ours || (known && rights_has(g, &who, right));
    if (!holds) {
        refuse(req, &g->conf->top.admin, right, who.user);
    }
    free(who.groups.at);
    return holds;
}

/* ---- handlers ---- */

typedef struct guarded {
    h2o_handler_t super; /* h2o's, and first */
    admin_right right;
    int (*on_req)(h2o_req_t *req);
} guarded;

static int on_guarded(h2o_handler_t *handler, h2o_req_t *req)
{
    const guarded *h = (const guarded *)handler;
    return rights_hold(req, h->right, NULL) ? h->on_req(req) : 0;
}

void rights_guard(h2o_hostconf_t *host, const char *path, admin_right right,
                  int (*on_req)(h2o_req_t *req))
{
    h2o_pathconf_t *at = h2o_config_register_path(host, path, 0);
    guarded *h = (guarded *)h2o_create_handler(at, sizeof(*h));
    h->super.on_req = on_guarded;
    h->right = right;
    h->on_req = on_req;
}
