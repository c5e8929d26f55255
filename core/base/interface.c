/* See interface.h. */
#include "base/interface.h"

#define ROW(name, text, path_text, https, anybody, table_19, ...)                                  \
    [CMP_INTERFACE_##name] = {.word = (text),                                                      \
                              .path = (path_text),                                                 \
                              .https_only = (https),                                               \
                              .anonymous = (anybody),                                              \
                              .message = (table_19)},
const interface_info interfaces[CMP_INTERFACE_MAX] = {INTERFACE_LIST(ROW)};
#undef ROW

#define WORD(name, text, ...) [CMP_INTERFACE_##name] = (text),
const char *const interface_words[] = {INTERFACE_LIST(WORD)[CMP_INTERFACE_MAX] = NULL};
#undef WORD

/* Fails for an enumerator of <cmp/message.h> that has no row: it would otherwise be an interface
 * without a word or a path. */
#define COUNT(...) +1
_Static_assert((0 INTERFACE_LIST(COUNT)) == CMP_INTERFACE_MAX, "a row for each interface");
#undef COUNT
