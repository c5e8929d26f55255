/* SPDX-License-Identifier: Apache-2.0 */
/* The listeners' connections, as the admin socket shows them. */
#pragma once

#include "http/gate.h"

#include <jansson.h>

/* [{"listener", "share", a member for each stage}, …]; the caller's reference. Any thread. */
json_t *listeners_json(gates *all);
