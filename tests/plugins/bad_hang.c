/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong plugin: loading it never ends. */
#include "bad.h"

#include <unistd.h>

__attribute__((constructor)) static void hang(void)
{
    for (;;) {
        pause();
    }
}

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {CMP_PLUGIN_ABI, .name = "bad_hang",
                                                     .kind = CMP_PLUGIN_STORE, BAD_REST};
