/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: loading it ends the process. */
#include "bad.h"

#include <stdlib.h>

__attribute__((constructor)) static void leave(void)
{
    exit(3);
}

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {CMP_PLUGIN_ABI, .name = "bad_exit",
                                                     .kind = CMP_PLUGIN_STORE, BAD_REST};
