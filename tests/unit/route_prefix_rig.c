/* SPDX-License-Identifier: Apache-2.0 */
#include "route_prefix_rig.h"

#include <unistd.h>

static const char *const of_b[] = {"2B001", "2b0017"};
static const char *const of_c[] = {"2B0"};

const cmp_peer prefix_peers[PREFIX_PEERS] = {
    {.name = CMP_STR("b"),
     .host = CMP_STR("b.example.net"),
     .prefixes = of_b,
     .prefix_count = COUNT(of_b)},
    {.name = CMP_STR("c"),
     .host = CMP_STR("C.example.net"),
     .prefixes = of_c,
     .prefix_count = COUNT(of_c)},
    {.name = CMP_STR("d"), .host = CMP_STR("d.example.net")},
    {.name = CMP_STR("no-host")},
};

static const cmp_option *row(const char *name)
{
    const cmp_option *found = cmp_plugin_descriptor.options;
    while (found->name != NULL && strcmp(found->name, name) != 0) {
        found++;
    }
    assert_non_null(found->name);
    return found;
}

void *prefix_option(const prefix_rig *r, const char *name)
{
    return (char *)r->options + row(name)->offset;
}

void prefix_set_mode(const prefix_rig *r, const char *mode)
{
    int *field = prefix_option(r, "mode");
    for (*field = 0; strcmp(row("mode")->choices[*field], mode) != 0; ++*field) {
        assert_non_null(row("mode")->choices[*field + 1]);
    }
}

int prefix_set_up(void **state)
{
    prefix_rig *r = calloc(1, sizeof(*r));
    r->host = cmp_test_create();
    cmp_test_peers(r->host, prefix_peers, PREFIX_PEERS);
    strcpy(r->folder, "/tmp/test-prefix-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    snprintf(r->path, sizeof(r->path), "%s/table", r->folder);
    r->options = calloc(1, cmp_plugin_descriptor.options_size);
    *(int64_t *)prefix_option(r, "check_interval") = PREFIX_CHECK_MS;
    *(int64_t *)prefix_option(r, "ttl") = PREFIX_TTL_MS;
    prefix_set_mode(r, "forward");
    *state = r;
    return 0;
}

int prefix_tear_down(void **state)
{
    prefix_rig *r = *state;
    cmp_test_txn_destroy(&r->asked);
    cmp_test_destroy(&r->host);
    unlink(r->path);
    rmdir(r->folder);
    free(r->options);
    free(r);
    return 0;
}

bool prefix_open(prefix_rig *r)
{
    return cmp_test_open_filled(r->host, &cmp_plugin_descriptor, r->options);
}

void prefix_write_table(const prefix_rig *r, const char *text)
{
    char fresh[sizeof(r->path) + sizeof(".fresh")];
    snprintf(fresh, sizeof(fresh), "%s.fresh", r->path);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(fresh, r->path), 0);
}

void prefix_open_with(prefix_rig *r, const char *table)
{
    prefix_write_table(r, table);
    *(const char **)prefix_option(r, "table") = r->path;
    assert_true(prefix_open(r));
    assert_true(cmp_test_logged(r->host, CMP_LOG_NOTICE, " prefixes"));
}

cmp_route_verdict prefix_ask(prefix_rig *r, cmp_route_reason reason, cmp_str target,
                             cmp_route_answer *answer)
{
    cmp_test_txn_destroy(&r->asked);
    r->asked = cmp_test_txn_create(r->host);
    cmp_test_param(r->asked, CMP_PARAM_ICI, r->ici);
    cmp_test_requestor(r->asked, r->requestor);
    cmp_test_op *op = cmp_test_route(r->host, reason, target.at, r->asked);
    const cmp_route_verdict verdict = (cmp_route_verdict)cmp_test_verdict(op);
    *answer = *cmp_test_routed(op);
    cmp_test_end(&op);
    assert_false(answer->lookup);
    return verdict;
}

void prefix_expect_peer(prefix_rig *r, const char *ici, const char *peer)
{
    cmp_route_answer answer;
    r->ici = ici;
    const cmp_route_verdict verdict = prefix_ask(r, CMP_ROUTE_ABSENT, CMP_NONE, &answer);
    assert_int_equal(verdict, peer != NULL ? CMP_ROUTE_FORWARD : CMP_ROUTE_DECLINE);
    if (peer != NULL) {
        assert_true(cmp_str_equal(answer.peer, cmp_str_from(peer)));
    } else {
        assert_null(answer.peer.at);
    }
    assert_null(answer.addr.at);
    assert_null(answer.prefix.at);
}
