/* SPDX-License-Identifier: Apache-2.0 */
/* Which minor of the ABI a plugin needs: a host of an older one refuses it for the number alone. */
#pragma once

#include <cmp/plugin.h>

/* The oldest minor that knows all that its descriptor and tables use; in the host's layout. */
unsigned minor_of_tables(const cmp_plugin *p);
