/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of HTTP's fields (RFC 9110), for both sides of a connection: tokens, lists, media
 * types, qualities, and the host that a request names. */
#pragma once

#include <cmp/base.h>

/* How many octets a text begins with that may stand in a token (5.6.2). */
size_t field_token_size(cmp_str text);

/* Whether all of it is one token: a method, a field's name. */
bool field_is_token(cmp_str text);

/* Whether a field of that name, in lower case, belongs to one connection or to the message's
 * framing (7.6.1, RFC 9112, 6): it says nothing about who sent a message, and is written by nobody
 * else. */
bool field_is_framing(cmp_str name);

/* Without the spaces and tabs around it. Points into `text`. */
cmp_str field_trim(cmp_str text);

/* Cuts the text at its next separator, which does not count inside a quoted string (5.6.4), and
 * returns what stands before it, trimmed. `rest` is empty after the last part. */
cmp_str field_cut(cmp_str *rest, char separator);

/* Whether a list (`Connection: keep-alive, close`) names the token, in either case. */
bool field_lists(cmp_str list, cmp_str token);

/* A media type without its parameters. Points into `value`. */
cmp_str field_media_type(cmp_str value);

/* The quality (12.4.2) among a list's item's parameters, in thousandths: 1000 when there is none,
 * 0 when it is no quality. */
int field_quality(cmp_str parameters);

/* The value of Host and of :authority (7.2): a name, an IPv4 address or a bracketed IPv6 one, and
 * perhaps a port. The name may be empty; there is no user in it. */
bool field_host_valid(cmp_str value);

/* The value of traceparent (W3C Trace Context): version, trace, parent and flags in lower-case hex.
 */
bool field_traceparent_valid(cmp_str value);
