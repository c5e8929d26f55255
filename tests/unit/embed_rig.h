/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of libcmp-embed share: auth_hmac opened with a pair of keys, so that it accepts what
 * it has signed itself, and requests as they come in. */
#pragma once

#include <cmp-embed/embed.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLUGINS      TEST_BINARY_DIR "/plugins"
#define TEST_PLUGINS TEST_BINARY_DIR "/tests/plugins"

#define EMBED_SECRET "a secret of 24 octets..."

/* What b signs with, and we verify with; `use` says on which side it stands. */
static inline cmp_key embed_key_for(cmp_key_use use, const char *id)
{
    return (cmp_key){.id = cmp_str_from(id),
                     .peer = CMP_STR("b"),
                     .use = use,
                     .secret = (const uint8_t *)EMBED_SECRET,
                     .secret_size = sizeof(EMBED_SECRET) - 1,
                     .not_before_ms = INT64_MIN,
                     .not_after_ms = INT64_MAX};
}

static inline void embed_add_keys(cmp_embed *e, const char *id, bool repeat_identical)
{
    cmp_embed_error error;
    cmp_key issued = embed_key_for(CMP_KEY_ISSUED, id);
    const cmp_key received = embed_key_for(CMP_KEY_RECEIVED, id);
    issued.repeat_identical = repeat_identical;
    if (!cmp_embed_key(e, &issued, &error) || !cmp_embed_key(e, &received, &error)) {
        fail_msg("%s", error.text);
    }
}

static inline cmp_embed *embed_open_hmac(uint32_t flags, cmp_embed_replay *replay)
{
    cmp_embed_error error;
    const cmp_embed_settings settings = {.size = sizeof(settings),
                                         .flags = flags,
                                         .replay = replay};
    cmp_embed *e = cmp_embed_open(PLUGINS, "auth_hmac", NULL, &settings, &error);
    if (e == NULL) {
        fail_msg("%s", error.text);
    }
    return e;
}

static inline cmp_embed_worker *embed_attach(cmp_embed *e)
{
    cmp_embed_error error;
    cmp_embed_worker *w = cmp_embed_attach(e, &error);
    if (w == NULL) {
        fail_msg("%s", error.text);
    }
    return w;
}

/* The query of a request that b has signed: of `tid` and `ici`, with `more` at its end. False when
 * there is no key. */
static inline bool embed_query(cmp_embed_worker *w, const char *tid, const char *ici,
                               const char *more, char *query, size_t room)
{
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    const cmp_outgoing outgoing = {CMP_STR("b"), cmp_str_from(tid), cmp_str_from(ici)};
    if (cmp_embed_sign(w, &outgoing, &a) != 200) {
        return false;
    }
    snprintf(query, room, "tid=%s&ici=%s&user=u&apikeyid=%.*s&signature=%.*s%s", tid, ici,
             (int)a.signature->apikeyid.size, a.signature->apikeyid.at, (int)a.signature->size,
             a.signature->text, more);
    return true;
}

static inline int embed_verify(cmp_embed_worker *w, const char *query, cmp_embed_answer *answer)
{
    cmp_embed_request request = CMP_EMBED_REQUEST;
    request.form = cmp_str_from(query);
    *answer = CMP_EMBED_ANSWER;
    return cmp_embed_verify(w, &request, answer);
}

/* How often a plugin has read its file again, as it counts. */
static inline int64_t embed_reloads(cmp_embed *e)
{
    const char *name, *help;
    int64_t value = 0;
    for (unsigned i = 0; cmp_embed_metric(e, i, &name, &help, &value); i++) {
        if (strcmp(name, "reloads") == 0) {
            return value;
        }
    }
    fail_msg("nobody counts reloads");
    return 0;
}
