/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a process whose plugins do not let go. */
#pragma once

#include "daemon/retired.h"
#include "pipeline/generation.h"

/* Names who still hangs, and ends the process with status 1. Control thread. */
_Noreturn void hang_end(const generation *newest, const retired *r);
