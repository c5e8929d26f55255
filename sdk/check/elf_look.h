/* SPDX-License-Identifier: Apache-2.0 */
/* What can be known of a plugin's file without running a line of it. */
#pragma once

#include "findings.h"

/* Looks at the file as ELF. False when it is none that could be loaded: nothing else can be found
 * out then. */
bool elf_look(const char *path, findings *f);
