/* SPDX-License-Identifier: Apache-2.0 */
/* The process's file descriptors: the standard ones, and how many there may be. */
#pragma once

#include <cmp/base.h>

/* Opens /dev/null in place of standard input, output and error where they are closed, so that no
 * socket and no file becomes one of them and gets what is written for people. First thing in main.
 * False, with errno set, when it cannot. */
CMP_MUST_USE bool descriptors_open_standard(void);

/* Raises the soft limit to the hard one; returns what then holds. */
uint64_t descriptors_raise_limit(void);
