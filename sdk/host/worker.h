/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a host's workers, each on its own thread. */
#pragma once

#include "host/host.h"

/* This thread begins to be a worker, and ends to be one: no operation is pending. False when there
 * are too many, or the kernel has no descriptors. */
CMP_MUST_USE bool host_worker_begin(host *h, host_worker *w, int64_t (*worker_ms)(void *w),
                                    bool keeps);
void host_worker_stop(host_worker *w);

/* Then its loop goes, with what the plugin has left there, and its operations. */
void host_worker_dispose(host_worker *w);
