/* The table behind error.h. */
#include "base/error.h"

static const error_info infos[ERROR_MAX] = {[ERROR_NONE] = {"none", "No error", 200},
#define X(name, word, status_, title_) [ERROR_##name] = {word, title_, status_},
                                            ERROR_LIST(X)
#undef X
};

const error_info *error_info_of(error_code code)
{
    return &infos[code < ERROR_MAX ? code : ERROR_INTERNAL_ERROR];
}
