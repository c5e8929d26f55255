/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin auth_vpn: requests from dedicated links, which 9.3.2 exempts from signing. It stands
 * at the step `authenticate`, before the plugin that verifies signatures. */
#include <cmp-kit/memory.h>
#include <cmp-kit/networks.h>
#include <cmp/plugin.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- descriptor ---- */

typedef struct vpn_link {
    const char *listener; /* NULL: any */
    cmp_cidrs source;
    const char *peer;
} vpn_link;

typedef struct vpn_options {
    cmp_rows links; /* vpn_link */
} vpn_options;

static void vpn_check(const cmp_host *host, const void *options, cmp_report *report);
static void *vpn_create(const cmp_host *host, const void *options, void *previous,
                        cmp_report *report);
static void vpn_destroy(void *instance);
static cmp_auth_verdict vpn_verify(void *instance, void *worker, cmp_op op,
                                   cmp_auth_answer *answer);

CMP_OPTIONS(link_rows, vpn_link) = {
    CMP_ROW("listener", STRING, vpn_link, listener,
            "name of the listener on which the link's requests arrive; without it, any"),
    CMP_ROW("source", CIDRS, vpn_link, source,
            "networks at the link's far end; of several that match the smallest decides",
            CMP_REQUIRED),
    CMP_ROW("peer", STRING, vpn_link, peer, "name of the peer at the link's far end", CMP_REQUIRED),
    CMP_OPTION_END,
};

CMP_OPTIONS(rows, vpn_options) = {
    CMP_ROW_ROWS("links", vpn_options, links, link_rows,
                 "hardware VPNs and similar dedicated secure connections, each to one peer",
                 CMP_REQUIRED),
    CMP_OPTION_END,
};

static const cmp_auth_ops ops = {
    .size = sizeof(ops),
    .verify = vpn_verify,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,           .name = "auth_vpn",
    .kind = CMP_PLUGIN_AUTH,  .services = CMP_SERVICE_PEERS,
    .version = "1.0",         .summary = "requests from dedicated links, which need no signature",
    CMP_PLUGIN_OPTIONS(rows), .check = vpn_check,
    .create = vpn_create,     .destroy = vpn_destroy,
    .ops.auth = &ops,
};

/* ---- state ---- */

/* One network of one link. */
typedef struct source {
    const cmp_cidr *net;
    cmp_str listener; /* absent: any */
    cmp_str peer;
    size_t link; /* its index in the options */
} source;

typedef struct vpn_instance {
    const cmp_host *host;
    source *sources;
    kit_networks *networks; /* of indices of sources */
} vpn_instance;

/* All networks of all links, in the options' order; the caller frees. They point into the options,
 * which live as long as the instance. */
static source *sources_of(const vpn_options *options, size_t *count)
{
    const vpn_link *links = options->links.at;
    size_t total = 0;
    for (size_t i = 0; i < options->links.count; i++) {
        total += links[i].source.count;
    }
    source *sources = kit_calloc(total, sizeof(*sources));
    *count = 0;
    for (size_t i = 0; i < options->links.count; i++) {
        for (size_t j = 0; j < links[i].source.count; j++) {
            sources[(*count)++] = (source){
                .net = &links[i].source.at[j],
                .listener = cmp_str_from(links[i].listener),
                .peer = cmp_str_from(links[i].peer),
                .link = i,
            };
        }
    }
    return sources;
}

/* Of one network those that are bound to a listener come first. (Of equals any may: vpn_check sees
 * to it that they lead to one peer.) */
static kit_networks *networks_of(const source *sources, size_t count)
{
    kit_network *all = kit_calloc(count, sizeof(*all));
    size_t taken = 0;
    for (int bound = 1; bound >= 0; bound--) {
        for (size_t i = 0; i < count; i++) {
            if ((sources[i].listener.at != NULL) == bound) {
                all[taken++] = (kit_network){.net = *sources[i].net, .value = (uint32_t)i};
            }
        }
    }
    kit_networks *made = kit_networks_build(all, count);
    free(all);
    return made;
}

static void *vpn_create(const cmp_host *host, const void *options, void *previous,
                        cmp_report *report)
{
    (void)previous;
    (void)report;
    vpn_instance *self = kit_calloc(1, sizeof(*self));
    self->host = host;
    size_t count;
    self->sources = sources_of(options, &count);
    self->networks = networks_of(self->sources, count);
    return self;
}

static void vpn_destroy(void *instance)
{
    vpn_instance *self = instance;
    kit_networks_destroy(&self->networks);
    free(self->sources);
    free(self);
}

/* ---- check ---- */

enum { KEY_SIZE = 48 };

static void link_key(size_t link, const char *option, char key[KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "links[%zu].%s", link, option);
}

/* Whether two sources take the same requests and neither of them goes first. */
static bool ambiguous(const source *a, const source *b)
{
    return a->net->bits == b->net->bits && cmp_cidr_contains(a->net, b->net->address) &&
           (a->listener.at == NULL) == (b->listener.at == NULL) &&
           cmp_str_equal(a->listener, b->listener) && !cmp_str_equal(a->peer, b->peer);
}

/* A network without bits is everybody, in IPv4 or in IPv6; so is an IPv6 network in which all
 * IPv4-mapped addresses lie. */
static bool is_everybody(const cmp_cidr *net)
{
    static const uint8_t mapped[16] = {[10] = 0xFF, [11] = 0xFF};
    return net->bits == 0 || (net->bits <= 96 && cmp_cidr_contains(net, mapped));
}

/* A misspelt name would otherwise show at the first request over the link. */
static void check_peers(const cmp_host *host, const vpn_options *options, cmp_report *report)
{
    const vpn_link *links = options->links.at;
    for (size_t i = 0; i < options->links.count; i++) {
        cmp_peer peer;
        if (!host->peer_find(host, cmp_str_from(links[i].peer), &peer)) {
            char key[KEY_SIZE];
            link_key(i, "peer", key);
            host->report(report, key, "there is no peer of the name \"%s\"", links[i].peer);
        }
    }
}

static void vpn_check(const cmp_host *host, const void *options, cmp_report *report)
{
    check_peers(host, options, report);
    size_t count;
    source *sources = sources_of(options, &count);
    char key[KEY_SIZE];
    for (size_t i = 0; i < count; i++) {
        link_key(sources[i].link, "source", key);
        if (is_everybody(sources[i].net) && sources[i].listener.at == NULL) {
            host->report(report, key, "a link from every address must name its listener");
        }
        for (size_t j = 0; j < i; j++) {
            if (ambiguous(&sources[j], &sources[i])) {
                host->report(report, key, "links[%zu] has the same network for another peer",
                             sources[j].link);
            }
        }
    }
    free(sources);
}

/* ---- verify ---- */

/* What a network is searched for. */
typedef struct arrival {
    const source *sources;
    cmp_str listener;
} arrival;

static bool fits(uint32_t at, void *arg)
{
    const arrival *a = arg;
    const source *s = &a->sources[at];
    return s->listener.at == NULL || cmp_str_equal(s->listener, a->listener);
}

static const source *source_find(const vpn_instance *self, const uint8_t address[16],
                                 cmp_str listener)
{
    arrival a = {self->sources, listener};
    const uint32_t found = kit_networks_find(self->networks, address, fits, &a);
    return found != KIT_NETWORK_NONE ? &self->sources[found] : NULL;
}

/* 9.3.2 asks for signatures "unless secured by a hardware Virtual Private Network (VPN) or similar
 * dedicated secure connection". What proves the link is where the TCP connection comes from; no
 * header field can. */
static cmp_auth_verdict vpn_verify(void *instance, void *worker, cmp_op op, cmp_auth_answer *answer)
{
    (void)worker;
    const vpn_instance *self = instance;
    const cmp_host *host = self->host;
    const source *from =
        source_find(self, host->txn_source(host, op), host->txn_listener(host, op));
    const bool is_signed = host->txn_param(host, op, CMP_PARAM_APIKEYID).at != NULL ||
                           host->txn_param(host, op, CMP_PARAM_SIGNATURE).at != NULL;

    *answer = (cmp_auth_answer){.once = CMP_ONCE_NO};
    if (from == NULL) {
        return CMP_AUTH_ABSTAIN;
    }
    /* A signature that is there all the same must be valid, and belong to the link's peer. */
    answer->peer = from->peer;
    return is_signed ? CMP_AUTH_ABSTAIN : CMP_AUTH_ACCEPT;
}
