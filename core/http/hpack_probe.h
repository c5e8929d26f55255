/* SPDX-License-Identifier: Apache-2.0 */
/* Whether libh2o really reads header blocks with our reader. */
#pragma once

#include "event/loop.h"

/* Has libh2o serve one request of our own over a pair of sockets. On the loop's thread. False: it
 * uses its own reader, which bounds nothing, or there are no descriptors. */
bool hpack_in_place(loop *l);
