/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012): a keyed function for short inputs that
 * is as good as random to whoever has not the key. libcrypto's takes longer to set up than to run.
 */
#pragma once

#include <cmp/base.h>

void siphash128(const uint8_t key[16], const uint8_t *at, size_t size, uint8_t to[16]);
