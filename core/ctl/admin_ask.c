/* SPDX-License-Identifier: Apache-2.0 */
/* See admin_ask.h. */
#include "ctl/admin_ask.h"

#include "conf/conf.h"
#include "ctl/https.h"
#include "ctl/output.h"

#include <cmp-kit/arena.h>

/* More than the daemon's deadline of a resolve (3 s by default): an explanation of one that waits
 * for it still comes. */
#define TIMEOUT_S 10

/* The socket of the configuration, in the arena; NULL after a message. The whole configuration is
 * read for one path: defaults and included files decide on it as much as what stands there. */
static const char *socket_of(const char *config, kit_arena *a)
{
    cmp_report report;
    report_init(&report);
    conf *c = conf_load(config, &report);
    const char *path = NULL;
    if (c == NULL || report.count != 0) {
        output_fail_report(&report);
    } else if (c->top.admin.socket == NULL) {
        output_fail("%s: admin.socket is not configured", config);
    } else {
        path = kit_arena_text(a, cmp_str_from(c->top.admin.socket));
    }
    conf_destroy(&c);
    report_dispose(&report);
    return path;
}

/* HTTP/1.1 without TLS, as the admin socket speaks it. The host in the URL is a form: nobody looks
 * at it. */
static json_t *ask(const char *socket, const char *url)
{
    const https_request request = {.url = url};
    const https_options options = {.timeout_s = TIMEOUT_S, .admin_socket = socket, .http1 = true};
    https_answer answer;
    json_t *body = NULL;
    if (https_ask(&request, &options, &answer)) {
        body = json_loadb(answer.body, answer.body_size, 0, NULL);
        if (!json_is_object(body)) {
            output_fail("%s: answered with %d and no JSON object; is the daemon another version?",
                        socket, answer.status);
            json_decref(body);
            body = NULL;
        }
    }
    https_answer_dispose(&answer);
    return body;
}

json_t *admin_ask(const char *config, const char *socket, const char *path)
{
    if ((config == NULL) == (socket == NULL)) {
        output_fail("one of --config and --socket is needed");
        return NULL;
    }
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    if (socket == NULL) {
        socket = socket_of(config, &a);
    }
    json_t *body = socket != NULL ? ask(socket, kit_arena_printf(&a, "http://cmpd%s", path)) : NULL;
    kit_arena_reset(&a);
    return body;
}
