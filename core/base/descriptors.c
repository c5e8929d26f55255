/* SPDX-License-Identifier: Apache-2.0 */
/* See descriptors.h; for the programs' main functions. */
#include "base/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

bool descriptors_open_standard(void)
{
    int fd;
    do { /* the kernel gives the lowest that is free */
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

/* The soft limit is usually 1,024 for the sake of programs that use select(), whose sets end there.
 * Nothing here does, and every connection is a descriptor. */
uint64_t descriptors_raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}
