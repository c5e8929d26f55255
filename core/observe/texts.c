/* SPDX-License-Identifier: Apache-2.0 */
/* See texts.h. */
#include "observe/texts.h"

#include <cmp-kit/memory.h>

#include <pthread.h>
#include <search.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *texts; /* a tree of tsearch */

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

const char *text_kept(const char *text)
{
    pthread_mutex_lock(&lock);
    const char **found = tsearch(text, &texts, compare);
    if (found == NULL) {
        abort(); /* out of memory, as in kit_alloc */
    }
    if (*found == text) { /* it was not there: from now on a copy, which is its equal, is */
        *found = kit_strdup(text);
    }
    const char *kept = *found;
    pthread_mutex_unlock(&lock);
    return kept;
}
