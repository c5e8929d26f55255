/* SPDX-License-Identifier: Apache-2.0 */
/* The replay memory that a configuration asks for: made, opened in its file, or shared with the
 * process that this one takes over from. */
#pragma once

#include "conf/conf.h"
#include "daemon/takeover.h"
#include "peers/replay.h"

/* The file, when there is one, could be used; changes nothing. */
void remembered_check(const conf *c, cmp_report *report);

/* As the user that serves: the file has to be its own. What another process remembers is never left
 * behind: where it cannot be shared, that is an error. NULL with errors in the report. */
CMP_MUST_USE replay *remembered_open(const conf *c, takeover *t, cmp_report *report);

/* When it serves, and the process before has let go: goes by the configuration. In a file the
 * window does not become shorter. */
void remembered_begin(replay *r, const conf *c);

/* At a reload: goes by another configuration where that is another one. Whoever else has the file
 * open goes by it, too; one that says the same leaves them what they want. */
void remembered_change(replay *r, const conf *before, const conf *c);
