/* SPDX-License-Identifier: Apache-2.0 */
/* See likeness.h: SHA-256 over parts, each with its size before it. */
#include "base/likeness.h"

#include <cmp-kit/file.h>
#include <cmp-kit/memory.h>

#include <openssl/evp.h>
#include <string.h>

struct likeness_sum {
    EVP_MD_CTX *context;
};

likeness_sum *likeness_begin(void)
{
    likeness_sum *sum = kit_calloc(1, sizeof(*sum));
    sum->context = kit_must(EVP_MD_CTX_new());
    EVP_DigestInit_ex(sum->context, EVP_sha256(), NULL);
    return sum;
}

likeness likeness_end(likeness_sum **sum)
{
    likeness d;
    EVP_DigestFinal_ex((*sum)->context, d.octets, NULL);
    EVP_MD_CTX_free((*sum)->context);
    free(*sum);
    *sum = NULL;
    return d;
}

void likeness_octets(likeness_sum *sum, const void *at, size_t size)
{
    const uint64_t before = size;
    EVP_DigestUpdate(sum->context, &before, sizeof(before));
    EVP_DigestUpdate(sum->context, at, size);
}

void likeness_text(likeness_sum *sum, const char *text)
{
    likeness_number(sum, text != NULL);
    if (text != NULL) {
        likeness_octets(sum, text, strlen(text));
    }
}

void likeness_number(likeness_sum *sum, int64_t number)
{
    EVP_DigestUpdate(sum->context, &number, sizeof(number));
}

/* Member by member: between them may lie what nobody has set. */
void likeness_file(likeness_sum *sum, const char *path)
{
    likeness_text(sum, path);
    if (path != NULL) {
        const kit_file_mark m = kit_file_mark_of(path);
        const uint64_t parts[] = {m.device,
                                  m.inode,
                                  m.size,
                                  (uint64_t)m.modified_s,
                                  (uint64_t)m.modified_ns,
                                  (uint64_t)m.changed_s,
                                  (uint64_t)m.changed_ns};
        likeness_octets(sum, parts, sizeof(parts));
    }
}

bool likeness_equal(const likeness *a, const likeness *b)
{
    return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}
