/* SPDX-License-Identifier: Apache-2.0 */
/* Watches the files of TLS: certificates, keys, CAs and revocation lists of listeners, and of
 * origins (peers' URLs, and what plugins have opened). What is good takes effect by itself, within
 * a second, for new connections; while it is not, what was read before stays in use, and the log
 * says what is wrong, once for each change.
 *
 * All on the control thread. */
#pragma once

#include "pipeline/generation.h"

typedef struct tls_watch tls_watch;

/* Looks at the files of whatever is the newest generation then, from now on. */
tls_watch *tls_watch_start(loop *control, generation *const *newest);

/* NULL is fine. */
void tls_watch_stop(tls_watch **w);
