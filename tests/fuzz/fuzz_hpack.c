/* SPDX-License-Identifier: Apache-2.0 */
/* Header blocks of one connection, each behind an octet with its size: libh2o's own reader makes
 * the same of them as ours, and what nghttp2 codes of the same octets comes out as it went in. */
#include "hpack_rig.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#define FIELDS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool goes_on(int result)
{
    return result == 0 || result == H2O_HTTP2_ERROR_INVALID_HEADER_CHAR;
}

/* The top bit of the size says that they are trailers. The octet behind the block is libh2o's to
 * read: it looks at the first one of an empty name. */
static void compare(const uint8_t *data, size_t size)
{
    hpack_rig rig;
    hpack_rig_init(&rig);
    bool open = true;
    while (open && size > 1) {
        const size_t block = (data[0] & 127u) < size - 1 ? data[0] & 127u : size - 2;
        if (hpack_rig_read(&rig, data + 1, block, (data[0] & 128) != 0) != NULL) {
            abort();
        }
        open = goes_on(rig.ours.result);
        data += 1 + block;
        size -= 1 + block;
    }
    hpack_rig_dispose(&rig);
}

/* Pairs of a size and that many octets, names in hexadecimal behind an x. */
static size_t make_fields(nghttp2_nv *fields, char names[][64], const uint8_t *data, size_t size)
{
    size_t count = 0;
    while (size > 2 && count < FIELDS) {
        const size_t name = data[0] & 15, most = size - 1;
        const size_t value = (data[0] >> 1) < most ? data[0] >> 1 : most;
        names[count][0] = 'x';
        for (size_t i = 0; i < name; i++) {
            names[count][1 + i] = "0123456789abcdef"[data[1 + i % most] & 15];
        }
        fields[count] = (nghttp2_nv){.name = (uint8_t *)names[count],
                                     .namelen = 1 + name,
                                     .value = (uint8_t *)(uintptr_t)(data + 1),
                                     .valuelen = value,
                                     .flags = data[0] & NGHTTP2_NV_FLAG_NO_INDEX};
        count++;
        data += 1 + value;
        size -= 1 + value;
    }
    return count;
}

static void check_field(const h2o_header_t *h, const nghttp2_nv *field)
{
    if (h->name->len != field->namelen || memcmp(h->name->base, field->name, h->name->len) != 0 ||
        h->value.len != field->valuelen || memcmp(h->value.base, field->value, h->value.len) != 0) {
        abort();
    }
}

static void round_trip(const uint8_t *data, size_t size)
{
    nghttp2_nv fields[FIELDS];
    char names[FIELDS][64];
    const size_t count = make_fields(fields, names, data, size);
    nghttp2_hd_deflater *deflater;
    if (nghttp2_hd_deflate_new(&deflater, 4096) != 0) {
        abort();
    }
    hpack_side side;
    hpack_side_init(&side);
    for (int turn = 0; turn < 2; turn++) { /* the second one is made of indices */
        uint8_t block[16384];
        const ssize_t coded = nghttp2_hd_deflate_hd(deflater, block, sizeof(block), fields, count);
        if (coded < 0) {
            abort();
        }
        hpack_side_read(&side, block, (size_t)coded, false);
        if (!goes_on(side.result) || side.req.headers.size != count) {
            abort();
        }
        for (size_t i = 0; i < count; i++) {
            check_field(&side.req.headers.entries[i], &fields[i]);
        }
    }
    hpack_side_dispose(&side);
    nghttp2_hd_deflate_del(deflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hpack_setup();
    hpack_set_limits(
        &(hpack_limits){.fields = SIZE_MAX, .bytes = SIZE_MAX, .body_bytes = SIZE_MAX});
    compare(data, size);
    round_trip(data, size);
    return 0;
}
