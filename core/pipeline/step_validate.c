/* SPDX-License-Identifier: Apache-2.0 */
/* Every value against its row of Table 19. After authentication: a stranger learns nothing of it.
 */
#include "pipeline/step.h"

step_result step_validate(txn *t)
{
    fault f = {.code = ERROR_MALFORMED};
    return message_validate(&t->request.message, &f) ? STEP_NEXT : step_fault(t, &f);
}
