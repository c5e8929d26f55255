/* SPDX-License-Identifier: Apache-2.0 */
/* What those who ask on the admin socket may do: each question and each command there belongs to
 * one right.
 *
 * Root and the daemon's own user have both. Others have them by the groups that the configuration
 * in force names: members of admin.operators both, of admin.readers the right to read. The kernel
 * says who they are (SO_PEERCRED, SO_PEERGROUPS in unix(7)): as they were when they connected. */
#pragma once

#include "pipeline/generation.h"

#include <h2o.h>

typedef enum admin_right {
    ADMIN_READ,   /* to look, however closely */
    ADMIN_CHANGE, /* to have the daemon do something */
} admin_right;

/* Who has connected. */
typedef struct rights_asker {
    uid_t user;
    groups groups; /* the primary one first */
} rights_asker;

/* Whether such a one has it. Any thread. */
bool rights_has(const generation *g, const rights_asker *who, admin_right right);

/* Whether who has connected there has any. Any thread. */
bool rights_some(const generation *g, int fd);

/* Whether the socket has to be open to others than the daemon's user, since some may have a right.
 */
bool rights_given(const generation *g);

/* Whether who has sent a request has it; if not it is answered: 403, with words that name the
 * right, and who has it. *user, if not NULL, is who it was. On the thread of the request's worker.
 */
CMP_MUST_USE bool rights_hold(h2o_req_t *req, admin_right right, uid_t *user);

/* Has `on_req` answer what begins with that path, static, for those who have the right. Before
 * workers start. */
void rights_guard(h2o_hostconf_t *host, const char *path, admin_right right,
                  int (*on_req)(h2o_req_t *req));
