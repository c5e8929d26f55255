/* SPDX-License-Identifier: Apache-2.0 */
/* What every host looks at before it calls into a plugin. */
#pragma once

#include "findings.h"

/* Looks at the file, loads it in a child, and reads its descriptor. False when no host would load
 * it. */
bool static_look(const char *path, findings *f);
