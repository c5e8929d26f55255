/* SPDX-License-Identifier: Apache-2.0 */
/* See schema_likeness.h: the same walk along the rows as schema.c's, over what that has filled. */
#include "conf/schema_likeness.h"

#include <string.h>

static void add_strings(likeness_sum *sum, const cmp_strings *list)
{
    likeness_number(sum, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++) {
        likeness_text(sum, list->at[i]);
    }
}

static void add_networks(likeness_sum *sum, const cmp_cidrs *list)
{
    likeness_number(sum, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++) {
        likeness_octets(sum, list->at[i].address, sizeof(list->at[i].address));
        likeness_number(sum, list->at[i].bits);
    }
}

static void add_rows(likeness_sum *sum, const cmp_option *row, const cmp_rows *list, bool files)
{
    likeness_number(sum, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++) {
        schema_likeness(sum, row->rows, (const char *)list->at + i * row->row_size, files);
    }
}

static void add_field(likeness_sum *sum, const cmp_option *row, const void *field, bool files)
{
    switch (row->type) {
    case CMP_OPTION_GROUP:
        schema_likeness(sum, row->rows, field, files);
        break;
    case CMP_OPTION_ROWS:
        add_rows(sum, row, field, files);
        break;
    case CMP_OPTION_STRINGS:
        add_strings(sum, field);
        break;
    case CMP_OPTION_CIDRS:
        add_networks(sum, field);
        break;
    case CMP_OPTION_PATH:
        if (files) {
            likeness_file(sum, *(const char *const *)field);
        } else {
            likeness_text(sum, *(const char *const *)field);
        }
        break;
    case CMP_OPTION_STRING:
    case CMP_OPTION_HOST:
    case CMP_OPTION_SECRET:
    case CMP_OPTION_RAW:
        likeness_text(sum, *(const char *const *)field);
        break;
    case CMP_OPTION_BOOLEAN:
        likeness_number(sum, *(const bool *)field);
        break;
    case CMP_OPTION_ENUM:
        likeness_number(sum, *(const int *)field);
        break;
    case CMP_OPTION_INTEGER:
    case CMP_OPTION_DURATION:
    case CMP_OPTION_SIZE:
    case CMP_OPTION_RATE:
    case CMP_OPTION_ENUMS:
        likeness_number(sum, *(const int64_t *)field);
        break;
    }
}

void schema_likeness(likeness_sum *sum, const cmp_option *rows, const void *options, bool files)
{
    for (const cmp_option *row = rows; row->name != NULL; row++) {
        add_field(sum, row, (const char *)options + row->offset, files);
    }
}

likeness schema_likeness_of(const cmp_option *row, const void *options)
{
    likeness_sum *sum = likeness_begin();
    add_field(sum, row, (const char *)options + row->offset, false);
    return likeness_end(&sum);
}
