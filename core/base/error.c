/* SPDX-License-Identifier: Apache-2.0 */
/* The table behind error.h. */
#include "base/error.h"

static const error_info infos[ERROR_MAX] = {[ERROR_NONE] = {"none", "No error", 200},
#define X(name, word, status_, title_) [ERROR_##name] = {word, title_, status_},
                                            ERROR_LIST(X)
#undef X
};

/* A number that is none of the list can only come from a mistake of ours: it is answered as one,
 * and reads nothing behind the table. */
const error_info *error_info_of(error_code code)
{
    return &infos[code < ERROR_MAX ? code : ERROR_INTERNAL_ERROR];
}
