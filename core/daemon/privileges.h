/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up root after the sockets are bound. */
#pragma once

#include "conf/conf.h"

#include <cmp/host.h>

/* The configured user and group exist. */
void privileges_check(const conf *c, cmp_report *report);

/* The keyring is root's, or of the user that the process is or will be. */
void privileges_check_keyring(const conf *c, cmp_purpose purpose, cmp_report *report);

/* Becomes that user and group, for ever. Without root, or with none configured, nothing is done.
 * False when the kernel refuses: the process must not go on. */
CMP_MUST_USE bool privileges_drop(const conf *c);
