/* SPDX-License-Identifier: Apache-2.0 */
/* Socket activation, as sd_listen_fds(3) has it: whoever starts the process hands it sockets from
 * descriptor 3 on, and says so in LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. */
#pragma once

#include "http/inherited.h"

/* Adds the sockets that were handed to this process, if any, and takes the variables out of the
 * environment: they are not for its children. What is none of the kind that a listener could use
 * is an error in the report. Before any descriptor is opened that is to stay. */
void activation_take(inherited *in, cmp_report *report);
