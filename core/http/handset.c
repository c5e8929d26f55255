/* SPDX-License-Identifier: Apache-2.0 */
/* See handset.h; called by front.c. */
#include "http/handset.h"

#include "base/accept_language.h"
#include "base/field.h"
#include "http/fields.h"

#include <cmp-kit/text.h>

#define PREFLIGHT_MAX_AGE "600" /* seconds in which a page may not see that `cors` was changed */

/* A browser names text/html. Who takes anything, as curl and most libraries do, is none. */
bool handset_wants_redirect(const h2o_req_t *req)
{
    cmp_str accept = request_field(req, "accept");
    int html = 0, json = 0;
    while (accept.size > 0) {
        cmp_str range = field_cut(&accept, ',');
        const cmp_str type = field_cut(&range, ';');
        const int quality = field_quality(range);
        if (kit_ascii_equal_fold(type, CMP_STR("text/html"))) {
            html = quality;
        } else if (kit_ascii_equal_fold(type, CMP_STR("application/json"))) {
            json = quality;
        }
    }
    return html > json;
}

cmp_str handset_language(const h2o_req_t *req, const listener *l)
{
    accept_language a = {.quality = 0};
    ssize_t at = -1;
    if (!l->conf->accept_language) {
        return CMP_NONE;
    }
    while ((at = h2o_find_header(&req->headers, H2O_TOKEN_ACCEPT_LANGUAGE, at)) >= 0) {
        const h2o_iovec_t value = req->headers.entries[at].value;
        accept_language_read(&a, (cmp_str){value.base, value.len});
    }
    return a.code;
}

/* The request's origin, when the listener lets its pages read answers; "*" when all may. */
static cmp_str allowed_origin(const h2o_req_t *req, const listener *l)
{
    const cmp_str from = request_field(req, "origin");
    if (from.at == NULL || !text_set_has(&l->cors, from)) {
        return CMP_NONE;
    }
    return l->cors.all ? CMP_STR("*") : from;
}

static void add(h2o_req_t *req, const char *name, cmp_str value)
{
    const h2o_iovec_t copy = h2o_strdup(&req->pool, value.at, value.size);
    h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 0, NULL, copy.base,
                          copy.len);
}

/* Accept decides between JSON and a redirect. */
void handset_add_headers(h2o_req_t *req, const listener *l)
{
    const bool language = l->conf->accept_language;
    if (l->cors.count == 0) {
        add(req, "vary", language ? CMP_STR("Accept, Accept-Language") : CMP_STR("Accept"));
        return;
    }
    const cmp_str allowed = allowed_origin(req, l);
    add(req, "vary",
        language ? CMP_STR("Accept, Accept-Language, Origin") : CMP_STR("Accept, Origin"));
    if (allowed.at != NULL) {
        add(req, "access-control-allow-origin", allowed);
    }
}

bool handset_answer_preflight(h2o_req_t *req, const listener *l)
{
    static h2o_generator_t no_more = {NULL, NULL};
    const bool is_options =
        h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("OPTIONS"));
    if (!is_options || l->cors.count == 0 ||
        request_field(req, "access-control-request-method").at == NULL) {
        return false;
    }
    /* Also for an origin that is not allowed: without the fields below the browser keeps the answer
     * from the page (Fetch, CORS protocol). */
    req->res.status = 204;
    req->res.reason = "No Content";
    handset_add_headers(req, l);
    if (allowed_origin(req, l).at != NULL) {
        add(req, "access-control-allow-methods", CMP_STR("GET, HEAD, POST"));
        add(req, "access-control-allow-headers", CMP_STR("Content-Type"));
        add(req, "access-control-max-age", CMP_STR(PREFLIGHT_MAX_AGE));
    }
    h2o_start_response(req, &no_more);
    h2o_send(req, NULL, 0, H2O_SEND_STATE_FINAL);
    return true;
}
