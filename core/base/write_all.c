/* SPDX-License-Identifier: Apache-2.0 */
/* See write_all.h. */
#include "base/write_all.h"

#include <errno.h>
#include <unistd.h>

bool write_all(int fd, const void *octets, size_t size)
{
    const char *at = octets;
    while (size > 0) {
        const ssize_t put = write(fd, at, size);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        at += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
    }
    return true;
}
