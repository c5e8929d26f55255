/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager is told of this process, in the form of sd_notify(3): one datagram each to
 * the socket that NOTIFY_SOCKET names. Without one, nothing is said.
 *
 * All of it on the control thread; a socket that takes nothing holds it up for a second at most. */
#pragma once

#include <sys/types.h>

/* The service has started, or taken a new configuration: it serves. */
void notify_ready(void);

/* A new configuration is being taken, until notify_ready. */
void notify_reloading(void);

/* The end has begun. */
void notify_stopping(void);

/* What `systemctl status` shows: one line. Copied. */
void notify_status(const char *text);

/* Another process is the service's from now on, and this one says nothing more: its end is not the
 * service's. Or, after that came to nothing, this one again. */
void notify_main_pid(pid_t pid);
