/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a request: JSON bodies are decoded and validated, or refused with a fault that can
 * be shown. Jansson reads the same in those that are decoded, and nothing in malformed ones. */
#include "decode_check.h"

#include <jansson.h>

static void same_text(const json_t *value, cmp_str text)
{
    const cmp_str theirs = {json_string_value(value), json_string_length(value)};
    must(json_is_string(value) && cmp_str_equal(theirs, text));
}

static void same_message(const json_t *root, const message *m)
{
    size_t count = m->contextual_count;
    for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
        const cmp_str name = param_name(param);
        if (m->params[param].at != NULL) {
            const json_t *value = json_object_getn(root, name.at, name.size);
            count++;
            same_text(value != NULL ? value : json_object_get(root, "in"), m->params[param]);
        }
    }
    for (size_t i = 0; i < m->contextual_count; i++) {
        const cmp_pair *pair = &m->contextual[i];
        same_text(json_object_getn(root, pair->name.at, pair->name.size), pair->value);
    }
    must(json_object_size(root) == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const cmp_str text = {size > 0 ? (const char *)data : "", size};
    decode_check(decode_json, text);
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    message m = {0};
    fault f = {.code = ERROR_NONE};
    json_error_t error;
    const bool good = decode_json(text, &memory, &m, &f);
    json_t *root = json_loadb(text.at, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (good) {
        must(json_is_object(root));
        same_message(root, &m);
    } else if (f.code == ERROR_MALFORMED && memchr(text.at, '\0', size) == NULL) {
        must(!json_is_object(root)); /* it takes no notice of a NUL behind a number */
    }
    json_decref(root);
    kit_arena_reset(&memory);
    return 0;
}
