/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: loading it crashes the process. */
#include "bad.h"

#include <signal.h>

__attribute__((constructor)) static void crash(void)
{
    raise(SIGSEGV);
}

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {CMP_PLUGIN_ABI, .name = "bad_crash",
                                                     .kind = CMP_PLUGIN_STORE, BAD_REST};
