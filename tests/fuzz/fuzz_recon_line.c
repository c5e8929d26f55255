/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as an export that is to be compared: a first line, and the others. Every text that is
 * found lies within the line or its room. */
#include "ctl/recon_line.h"

#include <stdbool.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(cmp_str line, const recon_line *read)
{
    for (int i = 0; i < RECON_COLUMN_MAX; i++) {
        const cmp_str text = read->texts[i];
        const bool in_line = text.at >= line.at && text.at + text.size <= line.at + line.size;
        const bool in_room =
            text.at >= read->room && text.at + text.size <= read->room + sizeof(read->room);
        if (text.at != NULL && !in_line && !in_room) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recon_layout layout;
    bool is_head, headed = false;
    for (size_t begin = 0; begin < size;) {
        const uint8_t *end = memchr(data + begin, '\n', size - begin);
        const size_t length = (end != NULL ? (size_t)(end - data) : size) - begin;
        const cmp_str line = {(const char *)data + begin, length};
        recon_line read;
        if (!headed && recon_layout_read(&layout, line, &is_head) != NULL) {
            return 0;
        }
        headed = true;
        if (recon_line_read(&layout, line, &read) == NULL) {
            check(line, &read);
        }
        begin += length + 1;
    }
    return 0;
}
