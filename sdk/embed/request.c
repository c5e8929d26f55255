/* SPDX-License-Identifier: Apache-2.0 */
/* A program's request as plugins see it: read and bounded as the daemon does. */
#include "embed/embed.h"

#include "base/clock.h"
#include "base/field.h"
#include "base/names.h"
#include "mc/decode.h"

#include <cmp-kit/text.h>

#define TID_MAX ((size_t)128)

static const uint8_t loopback[16] = {[15] = 1};

/* ---- parameters ---- */

static bool read_message(const cmp_embed_request *r, kit_arena *a, message *m, fault *f)
{
    if (r->form.at != NULL && !decode_form(r->form, a, m, f)) {
        return false;
    }
    if (r->json.at != NULL && !decode_json(r->json, a, m, f)) {
        return false;
    }
    for (size_t i = 0; i < r->param_count; i++) {
        if (!message_add(m, a, r->params[i].name, r->params[i].value, f)) {
            return false;
        }
    }
    return true;
}

static bool visible(cmp_str value, cmp_param param, size_t max, fault *f)
{
    const bool there = value.at != NULL;
    const bool good = there && value.size > 0 && value.size <= max && kit_ascii_visible(value);
    if (!good) {
        *f = (fault){.code = there ? ERROR_INVALID_PARAMETER : ERROR_MISSING_PARAMETER,
                     .parameter = param_name(param),
                     .detail = there ? "Visible ASCII is expected, and not that much of it" : NULL};
    }
    return good;
}

/* Where a request is to go, when it or a record says so. */
static bool is_target(cmp_route_reason reason, cmp_str target, fault *f)
{
    const bool good = reason == CMP_ROUTE_ABSENT ? target.at == NULL : host_valid(target);
    if (!good) {
        *f = (fault){.code = ERROR_INVALID_PARAMETER,
                     .parameter = param_name(CMP_PARAM_ADDR),
                     .detail = "A fully qualified host name is expected, or none where the ici "
                               "is absent"};
    }
    return good;
}

/* What a plugin may rely on (<cmp/host.h>). */
static bool bounded(const host_op *op, host_ask ask, fault *f)
{
    const cmp_str *params = op->own.message.params;
    switch (ask) {
    case HOST_VERIFY:
        return visible(params[CMP_PARAM_TID], CMP_PARAM_TID, TID_MAX, f) &&
               visible(params[CMP_PARAM_ICI], CMP_PARAM_ICI, CMP_ICI_MAX, f);
    case HOST_SIGN:
        return visible(op->outgoing.tid, CMP_PARAM_TID, TID_MAX, f) &&
               visible(op->outgoing.ici, CMP_PARAM_ICI, CMP_ICI_MAX, f);
    case HOST_ROUTE:
        return visible(params[CMP_PARAM_ICI], CMP_PARAM_ICI, CMP_ICI_MAX, f) &&
               is_target(op->reason, op->target, f);
    case HOST_LOOKUP:
        break;
    }
    return visible(params[CMP_PARAM_ICI], CMP_PARAM_ICI, CMP_ICI_MAX, f);
}

/* ---- header fields ---- */

/* As RFC 9110, 5.3 has it: but what is a credential comes once. */
static bool join(const cmp_embed_request *r, cmp_str name, kit_arena *a, cmp_str *value, fault *f)
{
    const bool single = cmp_str_equal(name, CMP_STR("authorization")) ||
                        cmp_str_equal(name, CMP_STR("proxy-authorization"));
    const char *separator = cmp_str_equal(name, CMP_STR("cookie")) ? "; " : ", ";
    *value = CMP_NONE;
    for (size_t i = 0; i < r->header_count; i++) {
        const cmp_str more = r->headers[i].value;
        if (!cmp_str_equal(r->headers[i].name, name)) {
            continue;
        }
        if (value->at == NULL) {
            *value = more;
        } else if (single) {
            *f = (fault){.code = ERROR_MALFORMED, .detail = "A credential is given twice"};
            return false;
        } else {
            *value = cmp_str_from(kit_arena_printf(a, "%.*s%s%.*s", (int)value->size, value->at,
                                                   separator, (int)more.size, more.at));
        }
    }
    return true;
}

static cmp_str read_traceparent(const cmp_embed_request *r)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (cmp_str_equal(r->headers[i].name, CMP_STR("traceparent")) &&
            field_traceparent_valid(r->headers[i].value)) {
            return r->headers[i].value;
        }
    }
    return CMP_NONE;
}

static bool read_headers(host_op *op, const cmp_embed_request *r, fault *f)
{
    const cmp_plugin *plugin = op->worker->host->plugin;
    const char *const *asked = plugin->kind == CMP_PLUGIN_AUTH ? plugin->ops.auth->headers : NULL;
    if (asked == NULL || r->header_count == 0) {
        return true;
    }
    op->own.headers = kit_arena_calloc(&op->memory, CMP_AUTH_HEADERS_MAX, sizeof(cmp_pair));
    for (; *asked != NULL; asked++) {
        cmp_pair *to = &op->own.headers[op->own.header_count++];
        to->name = cmp_str_from(*asked);
        if (!join(r, to->name, &op->memory, &to->value, f)) {
            return false;
        }
    }
    return true;
}

/* ---- the request ---- */

static void refuse(const fault *f, host_op *op, cmp_embed_answer *answer)
{
    const error_info *info = error_info_of(f->code);
    answer->status = info->status;
    answer->code = info->code;
    answer->reason = kit_arena_printf(&op->memory, "%.*s%s%s", (int)f->parameter.size,
                                      f->parameter.at != NULL ? f->parameter.at : "",
                                      f->parameter.at != NULL && f->detail != NULL ? ": " : "",
                                      f->detail != NULL ? f->detail : "");
    answer->asked = &op->own;
}

bool embed_read(host_op *op, const cmp_embed_request *request, cmp_embed_answer *answer)
{
    cmp_embed_request r = {.size = 0};
    mc_request *own = &op->own;
    fault f = {.code = ERROR_MALFORMED};
    if (request != NULL) {
        memcpy(&r, request, request->size < sizeof(r) ? request->size : sizeof(r));
    }
    memcpy(own->source, r.source != NULL ? r.source : loopback, sizeof(own->source));
    own->listener = r.listener.at != NULL ? r.listener : CMP_STR("embedded");
    own->interface = (unsigned)r.interface < CMP_INTERFACE_MAX ? r.interface : CMP_INTERFACE_MC3;
    own->requestor = r.requestor;
    own->traceparent = read_traceparent(&r);
    own->certificate = r.certificate;
    own->now_ms = r.now_ms != 0 ? r.now_ms : clock_now_ms();
    if (!read_message(&r, &op->memory, &own->message, &f) || !read_headers(op, &r, &f)) {
        refuse(&f, op, answer);
        return false;
    }
    return true;
}

bool embed_bounded(host_op *op, host_ask ask, cmp_embed_answer *answer)
{
    fault f;
    if (!bounded(op, ask, &f)) {
        refuse(&f, op, answer);
        return false;
    }
    return true;
}
