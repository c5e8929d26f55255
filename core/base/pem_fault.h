/* SPDX-License-Identifier: Apache-2.0 */
/* Files with certificates and keys that OpenSSL is to read: what is wrong with one, in words. */
#pragma once

#include <cmp/base.h>

/* Why the file should not even be opened: it is not there, or is no regular file (OpenSSL would
 * wait for the writer of a FIFO). NULL when it may be. Static. Any thread. */
const char *pem_refusal(const char *file);

/* Takes all errors of OpenSSL's queue of this thread, and says what they mean: what the system
 * said, or what an operator can do something about, not the last of a chain. Static. */
const char *pem_fault_take(void);
