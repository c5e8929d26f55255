/* SPDX-License-Identifier: Apache-2.0 */
/* `--param NAME=VALUE`, as several commands take it. */
#pragma once

#include "ctl/args.h"
#include "mc/query.h"

/* Adds every parameter of the list. False after a message about one that is not NAME=VALUE, or
 * whose name is nearly one of Table 19. */
CMP_MUST_USE bool params_add(const args_list *params, query *q);
