/* Builds the prefixes from the peers' entries and the table file. */
#pragma once

#include "prefixes.h"

#include <cmp-kit/file.h>

/* All or nothing. `f` is the table file, open, or none. With `need_hosts` every peer that a prefix
 * leads to must have a host. NULL after f->error was filled in. Any thread. */
prefixes *load_prefixes(kit_file *f, const cmp_host *host, bool need_hosts);
