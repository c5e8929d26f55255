/* SPDX-License-Identifier: Apache-2.0 */
/* Writes all of it to a descriptor that waits, in as many parts as it takes. False: errno says why,
 * and some of it may have been written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool write_all(int fd, const void *octets, size_t size);
