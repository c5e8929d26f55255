/* SPDX-License-Identifier: Apache-2.0 */
/* Instances that no generation has any more. Each is ended as soon as nothing is under way for it:
 * what hangs in one keeps that one, and nothing else. All on the control thread. */
#pragma once

#include "plugin/instance.h"

typedef struct retired retired;

retired *retired_create(loop *control);

/* Ends the instance now, or later. */
void retired_add(retired *r, instance *i);

/* Says in the log what those that are left still hold. */
void retired_tell(const retired *r);

/* Ends those that are left: nothing can be under way any more. Nulls it; NULL is fine. */
void retired_destroy(retired **r);
