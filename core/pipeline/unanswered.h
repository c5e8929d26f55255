/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that plugins have yet to answer: how many each instance may have, and who is told when
 * they do not come back. All on the desk's thread. */
#pragma once

#include "pipeline/desk.h"

/* Looks after those of the desk, until the end. */
void unanswered_start(desk *d);

/* From now on its worker may have so many transactions under way: an instance may hold a part of
 * them, each of which counts once, however many operations it is for. 0, as at first: any number.
 */
void unanswered_share(desk *d, unsigned transactions);
void unanswered_stop(desk *d);

/* The operation goes on without us; and it has come back. One that never went changes nothing. */
void unanswered_begin(desk *d, ask *a);
void unanswered_end(desk *d, ask *a);

/* Nobody waits for it any more; it should come back soon. */
void unanswered_unwanted(ask *a);

/* Its instance holds all the transactions that it may, and this one's is none of them: it is not to
 * be asked. Counts that, and says so. */
CMP_MUST_USE bool unanswered_too_many(const desk *d, const ask *a);

/* Says what an instance still holds when the process ends. Any thread. */
void unanswered_tell(const instance *i);
