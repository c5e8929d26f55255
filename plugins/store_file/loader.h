/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file of code records, one JSON object a line (SPEC 6), into an index. */
#pragma once

#include "index.h"

#include <cmp-kit/file.h>

#define LOAD_THREADS_MAX 16

/* Reads the whole file, which is open; `threads`, 1 to LOAD_THREADS_MAX, share the work when it is
 * large. The index is the caller's; NULL after f->error was filled in. Any thread; the calling one
 * does a part of the work. */
code_index *load_codes(kit_file *f, const cmp_host *host, unsigned threads);
