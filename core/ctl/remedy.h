/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator can do about the way in which a transaction ended. */
#pragma once

#include "journal/record.h"

/* A sentence without its full stop; static. NULL: nothing is wrong. */
const char *remedy_of(const journal_record *r);
