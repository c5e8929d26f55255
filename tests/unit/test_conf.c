/* SPDX-License-Identifier: Apache-2.0 */
/* The whole configuration: defaults, included files, and every check across sections. */
#include "conf/bind.h"
#include "conf/conf.h"

#include "scratch.h"

/* A configuration with nothing wrong; lines that a test replaces are numbered. */
static const char good[] =
    "cmp: {host: a.example.net, prefixes: [1A0F1]}\n"                               /* 1 */
    "keys: keys.yaml\n"                                                             /* 2 */
    "plugins:\n"                                                                    /* 3 */
    "  hmac: {use: auth_hmac}\n"                                                    /* 4 */
    "  vpn: {use: auth_vpn, links: [{source: [10.8.0.0/16], peer: b}]}\n"           /* 5 */
    "  codes: {use: store_file, path: codes.ndjson}\n"                              /* 6 */
    "  table: {use: route_prefix}\n"                                                /* 7 */
    "listeners:\n"                                                                  /* 8 */
    "  - name: peers\n"                                                             /* 9 */
    "    bind: ['0.0.0.0:8443', '[::]:8443']\n"                                     /* 10 */
    "    interfaces: [mc-3, mc-6]\n"                                                /* 11 */
    "    authenticate: [vpn, hmac]\n"                                               /* 12 */
    "    tls: {certificate: a.pem, key: a.key}\n"                                   /* 13 */
    "resolve: {stores: [codes], routes: [table]}\n"                                 /* 14 */
    "peers:\n"                                                                      /* 15 */
    "  - {name: b, host: b.example.net, prefixes: [2B001], rate: 500/s}\n"          /* 16 */
    "  - {name: c, host: c.example.net, prefixes: [2b0], allow: {forward_to: b}}\n" /* 17 */
    ;

/* `good` with line `number` (from 1) replaced. */
static void write_with_line(const char *name, unsigned number, const char *line)
{
    char text[4096];
    size_t size = 0;
    unsigned at = 1;
    for (const char *from = good; *from != '\0'; at++) {
        const size_t length = (size_t)(strchr(from, '\n') - from) + 1;
        size += (size_t)(at == number ? snprintf(text + size, sizeof(text) - size, "%s\n", line)
                                      : snprintf(text + size, sizeof(text) - size, "%.*s",
                                                 (int)length, from));
        from += length;
    }
    scratch_write(name, text);
}

static void loads_a_good_one(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    scratch_write("c.yaml", good);
    conf *c = conf_load("c.yaml", &report);
    assert_report(&report, "");
    assert_non_null(c);
    const conf_listener *l = c->top.listeners.at;
    const conf_peer *p = c->top.peers.at;
    assert_string_equal(c->top.cmp.host, "a.example.net");
    assert_string_equal(c->top.keys, "keys.yaml");
    assert_int_equal(c->top.workers, 0);
    assert_int_equal(c->top.log.level, CMP_LOG_NOTICE);
    assert_int_equal(c->top.replay.window_ms, 300000);
    assert_int_equal(c->top.replay.size_bytes, 64 << 20);
    assert_int_equal(c->top.replay.quota_percent, 50);
    assert_int_equal(c->top.limits.connections, 10000);
    assert_int_equal(c->top.limits.transactions, 4096);
    assert_int_equal(c->top.limits.body_bytes, 16384);
    assert_int_equal(c->top.limits.uri_bytes, 8192);
    assert_int_equal(c->top.limits.header_bytes, 16384);
    assert_int_equal(c->top.limits.headers, 64);
    assert_int_equal(c->top.limits.request_timeout_ms, 10000);
    assert_int_equal(c->top.limits.blocking_threads, 16);
    assert_int_equal(c->top.resolve.max_hops, 8);
    assert_int_equal(c->top.resolve.deadline_ms, 3000);
    assert_int_equal(c->top.resolve.ttl_s, 300);
    assert_int_equal(c->top.drain_ms, 10000);
    assert_int_equal(c->top.listeners.count, 1);
    assert_int_equal(l->interfaces, 1 << CMP_INTERFACE_MC3 | 1 << CMP_INTERFACE_MC6);
    assert_int_equal(l->http2, CONF_HTTP2_AUTO);
    assert_string_equal(l->paths.of[CMP_INTERFACE_MC3], "/mc-3/resolve-ici");
    assert_string_equal(l->tls.certificate, "a.pem");
    assert_int_equal(l->tls.client_certificate, CONF_CLIENT_CERTIFICATE_NONE);
    assert_null(l->tls.client_ca);
    assert_int_equal(c->top.peers.count, 2);
    assert_int_equal(p[0].rate, 500 * 3600);
    assert_int_equal(p[0].allow.interfaces, 3);
    assert_string_equal(p[1].allow.forward_to.at[0], "b");
    assert_int_equal(c->plugin_count, 4);
    assert_string_equal(c->plugins[1].name, "vpn");
    assert_string_equal(c->plugins[1].use, "auth_vpn");
    assert_string_equal(c->plugins[1].path, "plugins.vpn");
    const conf_place place = conf_place_of(c, "plugins.vpn.links[0].peer");
    assert_int_equal(place.line, 5);
    assert_int_equal(place.column, 62);
    conf_destroy(&c);
    assert_null(c);
    report_dispose(&report);
}

static const struct {
    unsigned number;
    const char *line, *errors;
} bad[] = {
    {1, "cmp: {host: b.example.net}",
     "c.yaml:16:21: peers[0].host: \"b.example.net\" is given already at c.yaml:1:13\n"},
    {1, "cmp: {host: a.example.net, prefixes: [1A, 1a0f1, 1A0F1]}",
     "c.yaml:1:39: cmp.prefixes[0]: expected a routing prefix: 3 to 64 hexadecimal digits\n"
     "c.yaml:1:50: cmp.prefixes[2]: \"1A0F1\" is given already at c.yaml:1:43\n"},
    {2, "keyz: keys.yaml", "c.yaml:2:1: keyz: unknown key; did you mean \"keys\"?\n"},
    {2, "plugin: x", "c.yaml:2:1: plugin: unknown key; did you mean \"plugins\"?\n"},
    {2, "workers: 1025",
     "c.yaml:2:10: workers: expected a whole number from 0 to 1024, found the text \"1025\"\n"},
    {2, "replay: {quota: 0, window: 8d, when_full: panic}",
     "c.yaml:2:17: replay.quota: expected a whole number from 1 to 100, found the text \"0\"\n"
     "c.yaml:2:28: replay.window: expected a duration such as 250ms, 5s, 3m, from 1s to 7d, found "
     "the text \"8d\"\n"
     "c.yaml:2:43: replay.when_full: expected one of forget, refuse, found the text \"panic\"\n"},
    {2, "log: {level: warn}",
     "c.yaml:2:14: log.level: expected one of error, warning, notice, info, debug, found the text "
     "\"warn\"\n"},
    {4, "  hmac: {}", "c.yaml:4:3: plugins.hmac.use: missing; expected the name of a plugin\n"},
    {4, "  hmac:", "c.yaml:4:3: plugins.hmac.use: missing; expected the name of a plugin\n"},
    {4, "  hmac: auth_hmac", "c.yaml:4:9: plugins.hmac: expected a mapping with the key \"use\"\n"},
    {4, "  hmac: {use: ../auth_hmac}",
     "c.yaml:4:15: plugins.hmac.use: expected the name of a plugin, of letters, digits, hyphens "
     "and "
     "underscores\n"},
    {7, "  table: {use: route_prefix}\n  'a b': {use: x}",
     "c.yaml:8:3: plugins.a b: a name has 1 to 64 letters, digits, dots, hyphens and "
     "underscores\n"},
    {9, "  - name: peers/1",
     "c.yaml:9:11: listeners[0].name: a name has 1 to 64 letters, digits, dots, hyphens and "
     "underscores\n"},
    {9, "  - bindd: x",
     "c.yaml:9:5: listeners[0].bindd: unknown key; did you mean \"bind\"?\n"
     "c.yaml:9:5: listeners[0].name: missing; expected a text of 1 to 64 octets\n"},
    {10, "    bind: []", "c.yaml:10:5: listeners[0].bind: at least one address is needed\n"},
    {10, "    bind: ['*:80', a:80]",
     "c.yaml:10:20: listeners[0].bind[1]: expected an address and a port, such as 0.0.0.0:8443, "
     "[::]:8443 or *:8443\n"},
    {10, "    bind: ['*:80', '0.0.0.0:80']",
     "c.yaml:10:20: listeners[0].bind[1]: \"0.0.0.0:80\" is given already as \"*:80\" at "
     "c.yaml:10:12\n"},
    {10, "    bind: ['127.0.0.1:80', '[::1]:80', '0.0.0.0:80', '*:80', '0.0.0.0:81', '[::1]:81']",
     "c.yaml:10:40: listeners[0].bind[2]: \"0.0.0.0:80\" has the port of \"127.0.0.1:80\" at "
     "c.yaml:10:12\n"
     "c.yaml:10:54: listeners[0].bind[3]: \"*:80\" has the port of \"127.0.0.1:80\" at "
     "c.yaml:10:12\n"},
    {11, "    interfaces: []",
     "c.yaml:11:5: listeners[0].interfaces: at least one interface is needed, or health or "
     "metrics\n"},
    {11, "    interfaces: mc-2",
     "c.yaml:11:17: listeners[0].interfaces: expected one or a list of mc-3, mc-6, mc-1, codes, "
     "found the "
     "text \"mc-2\"; did you mean \"mc-3\"?\n"},
    {12, "    authenticate:",
     "c.yaml:12:5: listeners[0].authenticate: at least one plugin is needed; every request is "
     "authenticated (9.3.2)\n"},
    {12, "    http2: true",
     "c.yaml:9:5: listeners[0].authenticate: missing; every request on MC-3 and MC-6 is "
     "authenticated (9.3.2)\n"},
    {12, "    authenticate: [hmak, hmac, hmac, nothing-like]",
     "c.yaml:12:20: listeners[0].authenticate[0]: there is no plugin \"hmak\"; did you mean "
     "\"hmac\"?\n"
     "c.yaml:12:32: listeners[0].authenticate[2]: \"hmac\" is given already at c.yaml:12:26\n"
     "c.yaml:12:38: listeners[0].authenticate[3]: there is no plugin \"nothing-like\"\n"},
    {9, "  - name: admin",
     "c.yaml:9:11: listeners[0].name: logs and metrics call the admin socket so: another name is "
     "needed\n"},
    {13, "    http2: true",
     "c.yaml:9:5: listeners[0].tls: missing; mc-3 runs over https only (9.3.2)\n"},
    {13, "    tls: {certificate: a.pem}",
     "c.yaml:13:5: listeners[0].tls.key: missing; expected a path\n"},
    {13, "    tls:",
     "c.yaml:13:5: listeners[0].tls.certificate: missing; expected a path\n"
     "c.yaml:13:5: listeners[0].tls.key: missing; expected a path\n"},
    {13, "    tls: {certificate: a.pem, key: a.key}\n    paths: {mc-3: x, mc-6: x}",
     "c.yaml:14:19: listeners[0].paths.mc-3: a path begins with a slash\n"
     "c.yaml:14:28: listeners[0].paths.mc-6: a path begins with a slash\n"
     "c.yaml:14:28: listeners[0].paths.mc-6: mc-3 has the same path\n"},
    {13,
     "    tls: {certificate: a.pem, key: a.key}\n"
     "  - {name: peers, bind: '[::0]:8443', interfaces: mc-3, authenticate: hmac,\n"
     "     tls: {certificate: a.pem, key: a.key}}",
     "c.yaml:14:12: listeners[1].name: \"peers\" is given already at c.yaml:9:11\n"
     "c.yaml:14:25: listeners[1].bind[0]: \"[::0]:8443\" is given already as \"[::]:8443\" at "
     "c.yaml:10:28\n"},
    {13,
     "    tls: {certificate: a.pem, key: a.key}\n"
     "    balancers: {from: [10.0.0.0/8, '::ffff:0:0/96', '::/0', 0.0.0.0/0], by: forwarded}",
     "c.yaml:14:36: listeners[0].balancers.from[1]: everybody would be believed\n"
     "c.yaml:14:53: listeners[0].balancers.from[2]: everybody would be believed\n"
     "c.yaml:14:61: listeners[0].balancers.from[3]: everybody would be believed\n"
     "c.yaml:14:77: listeners[0].balancers.by: a header field tells a source on mc-1 only; use "
     "proxy\n"},
    {13, "    tls: {certificate: a.pem, key: a.key}\n    balancers: {by: proxy}",
     "c.yaml:14:5: listeners[0].balancers.from: missing; expected a network such as 10.8.0.0/16, "
     "or a list of them\n"},
    {13, "    tls: {certificate: a.pem, key: a.key}\n    connections: 10001",
     "c.yaml:14:18: listeners[0].connections: the listeners' shares are more than "
     "limits.connections (10000)\n"},
    {13, "    tls: {certificate: a.pem, key: a.key, client_ca: ca.pem}",
     "c.yaml:13:54: listeners[0].tls.client_ca: of no use without client_certificate: optional or "
     "required\n"},
    {13, "    tls: {certificate: a.pem, key: a.key, client_certificate: required}",
     "c.yaml:13:5: listeners[0].tls.client_ca: missing; a required certificate is verified "
     "against it\n"},
    {13, "    tls: {certificate: a.pem, key: a.key, client_certificate: wanted}",
     "c.yaml:13:63: listeners[0].tls.client_certificate: expected one of none, optional, required, "
     "found the text \"wanted\"\n"},
    {14, "resolve: {stores: codez, routes: [to-addr]}",
     "c.yaml:14:19: resolve.stores[0]: there is no plugin \"codez\"; did you mean \"codes\"?\n"
     "c.yaml:14:35: resolve.routes[0]: there is no plugin \"to-addr\"\n"},
    {14, "resolve: {max_hops: 100}",
     "c.yaml:14:1: resolve.stores: missing; expected a text, or a list of texts\n"
     "c.yaml:14:21: resolve.max_hops: expected a whole number from 1 to 99, found the text "
     "\"100\"\n"},
    {14, "", "c.yaml:1:1: resolve: missing; expected a mapping\n"},
    {16, "  - {name: c, host: c.example.net, prefixes: [2B0]}",
     "c.yaml:17:12: peers[1].name: \"c\" is given already at c.yaml:16:12\n"
     "c.yaml:17:21: peers[1].host: \"c.example.net\" is given already at c.yaml:16:21\n"
     "c.yaml:17:47: peers[1].prefixes[0]: \"2b0\" is given already at c.yaml:16:47\n"
     "c.yaml:17:73: peers[1].allow.forward_to[0]: there is no peer \"b\"; did you mean \"c\"?\n"},
    {16, "  - {name: b, source: 'b.example.net'}",
     "c.yaml:16:23: peers[0].source: expected an address such as 192.0.2.7 or 2001:db8::7, found "
     "\"b.example.net\"\n"},
    {16, "  - {name: 'b ', prefixes: xyz, rate: 0/s}",
     "c.yaml:16:12: peers[0].name: a name has 1 to 64 letters, digits, dots, hyphens and "
     "underscores\n"
     "c.yaml:16:28: peers[0].prefixes[0]: expected a routing prefix: 3 to 64 hexadecimal digits\n"
     "c.yaml:16:39: peers[0].rate: expected a rate such as 500/s, 20/m, 100/h, from 1/h to "
     "10000000/s, found the text \"0/s\"\n"
     "c.yaml:17:73: peers[1].allow.forward_to[0]: there is no peer \"b\"; did you mean \"b \"?\n"},
    {17, "  - {name: c, allow: {forward_to: ['*', b], prefixes: [1A0, zz], interfaces: [mc-6]}}",
     "c.yaml:17:61: peers[1].allow.prefixes[1]: expected a routing prefix: 3 to 64 hexadecimal "
     "digits\n"},
    {17, "  - {name: c, allow: {interfaces: [mc-1]}}",
     "c.yaml:17:23: peers[1].allow.interfaces: mc-1 is for handsets, which are no peers\n"},
    {17, "  - {name: c, url: 'https://c.example.net'}",
     "c.yaml:17:6: peers[1].sign_with: missing; requests to a peer are signed (9.3.2), or \"none\" "
     "over a dedicated link\n"},
    {17, "  - {name: c, url: 'https://c.example.net', sign_with: hmak, tls: {key: k.pem}}",
     "c.yaml:17:56: peers[1].sign_with: there is no plugin \"hmak\"; did you mean \"hmac\"?\n"
     "c.yaml:17:62: peers[1].tls: a client certificate and its key are given together\n"},
    {17, "  - x", "c.yaml:17:5: peers[1]: expected a mapping, found the text \"x\"\n"},
    {17, "  - {name: c", "c.yaml:18:1: missing comma in flow mapping\n"},
    {17, "include: nowhere",
     "c.yaml:17:10: include: the folder nowhere cannot be read: No such file or directory\n"},
    {17, "include: {a: b}",
     "c.yaml:17:1: include: expected a text, or a list of texts, found a mapping\n"},
};

static void says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cmp_report report;
        report_init(&report);
        write_with_line("c.yaml", bad[i].number, bad[i].line);
        conf *c = conf_load("c.yaml", &report);
        conf_destroy(&c);
        assert_report(&report, bad[i].errors);
        report_dispose(&report);
    }
}

static void an_empty_file_lacks_nearly_everything(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    scratch_write("c.yaml", "");
    conf *c = conf_load("c.yaml", &report);
    assert_report(&report, "c.yaml:1:1: resolve: missing; expected a mapping\n"
                           "c.yaml:1:1: listeners: at least one listener is needed\n");
    conf_destroy(&c);
    scratch_write("c.yaml", "listeners: []\nresolve: {stores: []}\nplugins: [x]\n");
    c = conf_load("c.yaml", &report);
    assert_report(&report, "c.yaml:1:1: listeners: at least one listener is needed\n"
                           "c.yaml:3:1: plugins: expected a mapping from names to plugins\n");
    conf_destroy(&c);
    scratch_write("c.yaml", "just a text\n");
    c = conf_load("c.yaml", &report);
    assert_true(report.count > 0);
    conf_destroy(&c);
    report_dispose(&report);
    report_init(&report);
    scratch_write("c.yaml", "# a list\n- {}\n");
    c = conf_load("c.yaml", &report);
    assert_report(&report, "c.yaml:2:1: expected a mapping, found a list\n"
                           "c.yaml:2:1: listeners: at least one listener is needed\n");
    conf_destroy(&c);
    assert_null(conf_load("nowhere.yaml", &report));
    report_dispose(&report);
}

static void joins_included_files(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    mkdir("etc", 0700);
    mkdir("etc/conf.d", 0700);
    mkdir("etc/more.d", 0700);
    scratch_write("etc/c.yaml", "include: [conf.d, more.d]\n"
                                "log: {level: info}\n"
                                "peers:\n"
                                "plugin_path: plugins\n"
                                "cmp: {prefixes: [aaa]}\n");
    scratch_write("etc/conf.d/b.yaml", "log: {format: json}\n"
                                       "peers: [{name: two}]\n"
                                       "plugins: {codes: {use: store_file, path: x}}\n"
                                       "resolve: {stores: codes}\n");
    scratch_write("etc/conf.d/a.yaml", "peers: [{name: one}]\n"
                                       "cmp: {prefixes: [bbb], host: a.example.net}\n"
                                       "plugins: {hmac: {use: auth_hmac}}\n");
    scratch_write("etc/conf.d/.hidden.yaml", "nonsense: 1\n");
    scratch_write("etc/conf.d/other.txt", "nonsense: 1\n");
    scratch_write("etc/more.d/c.yaml",
                  "keys: k.yaml\n"
                  "listeners: [{name: l, bind: '*:0', interfaces: mc-3, authenticate: hmac,\n"
                  "  tls: {certificate: /a, key: b}}]\n");
    scratch_write("etc/more.d/d.yaml", "");
    conf *c = conf_load("etc/c.yaml", &report);
    assert_report(&report, "");
    const conf_peer *p = c->top.peers.at;
    const conf_listener *l = c->top.listeners.at;
    assert_int_equal(c->file_count, 5);
    assert_int_equal(c->top.peers.count, 2);
    assert_string_equal(p[0].name, "one");
    assert_string_equal(p[1].name, "two");
    assert_int_equal(c->top.log.level, CMP_LOG_INFO);
    assert_int_equal(c->top.log.format, 1);
    assert_int_equal(c->top.cmp.prefixes.count, 2);
    assert_string_equal(c->top.cmp.prefixes.at[1], "bbb");
    assert_string_equal(c->top.keys, "etc/k.yaml");
    assert_string_equal(c->top.plugin_path.at[0], "etc/plugins");
    assert_string_equal(l->tls.certificate, "/a");
    assert_string_equal(l->tls.key, "etc/b");
    assert_int_equal(c->plugin_count, 2);
    const conf_place place = conf_place_of(c, "plugins.codes.path");
    assert_string_equal(place.file, "etc/conf.d/b.yaml");
    assert_int_equal(place.line, 3);
    assert_int_equal(place.column, 42);
    /* The main file leaves this list empty, so it stands where its items come from. */
    const conf_place peers = conf_place_of(c, "peers");
    assert_string_equal(peers.file, "etc/conf.d/a.yaml");
    assert_int_equal(peers.line, 1);
    conf_destroy(&c);
    report_dispose(&report);
}

static void names_both_places_of_what_is_given_twice(void **state)
{
    (void)state;
    cmp_report report;
    report_init(&report);
    mkdir("twice.d", 0700);
    char text[4096];
    snprintf(text, sizeof(text), "%sinclude: twice.d\nworkers: 4\n", good);
    scratch_write("c.yaml", text);
    scratch_write("twice.d/a.yaml", "workers: 5\n"
                                    "plugins:\n"
                                    "  hmac: {use: auth_other}\n"
                                    "peers: {name: x}\n"
                                    "cmp: {host: other.example.net}\n"
                                    "include: elsewhere\n");
    scratch_write("twice.d/b.yaml", "peers:\n"
                                    "  - {name: b, hots: x}\n");
    scratch_write("twice.d/c.yaml", "- x\n");
    scratch_write("twice.d/d.yaml", "a: [\n");
    scratch_write("twice.d/e.yaml", "# no name\n: x\n");
    scratch_write("twice.d/f.yaml", "plugins: {? [] : {use: x}}\npeers: [[]]\n");
    scratch_write("twice.d/g.yaml", "- {}\n");
    assert_int_equal(mkfifo("twice.d/h.yaml", 0600), 0);
    alarm(20); /* reading it would wait for ever */
    conf *c = conf_load("c.yaml", &report);
    assert_report(&report,
                  "twice.d/a.yaml:1:1: workers: given already at c.yaml:19:1\n"
                  "twice.d/a.yaml:3:3: plugins.hmac: given already at c.yaml:4:3\n"
                  "twice.d/a.yaml:4:1: peers: given already at c.yaml:15:1\n"
                  "twice.d/a.yaml:5:7: cmp.host: given already at c.yaml:1:7\n"
                  "twice.d/a.yaml:6:1: include: only the main file may include others\n"
                  "twice.d/b.yaml:2:12: peers[2].name: \"b\" is given already at c.yaml:16:12\n"
                  "twice.d/b.yaml:2:15: peers[2].hots: unknown key; did you mean \"host\"?\n"
                  "twice.d/c.yaml:1:3: expected a mapping at the top\n"
                  "twice.d/d.yaml:2:1: flow sequence without a closing bracket\n"
                  "twice.d/e.yaml:2:3: expected a name as the key\n"
                  "twice.d/f.yaml:1:13: expected a name as the key\n"
                  "twice.d/f.yaml:2:9: peers[3]: expected a mapping, found a list\n"
                  "twice.d/g.yaml:1:1: expected a mapping at the top\n"
                  "twice.d/h.yaml: is no regular file\n");
    alarm(0);
    conf_destroy(&c);
    report_dispose(&report);
}

static void reads_addresses_of_listeners(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *canonical; /* NULL: none */
        bool both_families;
    } rows[] = {
        {"", NULL, false},
        {"8443", NULL, false},
        {":8443", NULL, false},
        {"0.0.0.0", NULL, false},
        {"0.0.0.0:", NULL, false},
        {"0.0.0.0:65536", NULL, false},
        {"0.0.0.0:-1", NULL, false},
        {"0.0.0:80", NULL, false},
        {"localhost:80", NULL, false},
        {"::1:80", NULL, false},
        {"[::1]80", NULL, false},
        {"[]:80", NULL, false},
        {"[1.2.3.4]:80", NULL, false},
        {"[::1%lo]:80", NULL, false},
        {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80", NULL, false},
        {"127.0.0.1:0", "127.0.0.1:0", false},
        {"1.2.3.4:65535", "1.2.3.4:65535", false},
        {"[0::0:1]:80", "[::1]:80", false},
        {"[*]:80", NULL, false},
        {"*:80", "[::]:80", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        conf_bind b;
        char text[ENDPOINT_TEXT_SIZE];
        if (bind_parse(rows[i].text, &b) != (rows[i].canonical != NULL)) {
            fail_msg("%s", rows[i].text);
        }
        if (rows[i].canonical != NULL) {
            endpoint_format(&b.at, text);
            assert_string_equal(text, rows[i].canonical);
            assert_int_equal(b.both_families, rows[i].both_families);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_a_good_one),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(an_empty_file_lacks_nearly_everything),
        cmocka_unit_test(joins_included_files),
        cmocka_unit_test(names_both_places_of_what_is_given_twice),
        cmocka_unit_test(reads_addresses_of_listeners),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
