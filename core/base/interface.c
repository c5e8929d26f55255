/* SPDX-License-Identifier: Apache-2.0 */
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
#define NUMBER(name, ...) NUMBER_##name,
enum { INTERFACE_LIST(NUMBER) NUMBERS };
#undef NUMBER
_Static_assert((int)NUMBERS == (int)CMP_INTERFACE_MAX, "a row for each interface");
