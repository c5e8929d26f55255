/* Credentials of requests to the server; called when the store is made, and for each request. */
#include "credential.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_SIZE_MAX ((size_t)4096)
#define BEARER         "Bearer "

/* ---- the token ---- */

/* It becomes a header's value, so nothing may be in it that ends one. */
static bool is_visible(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 0x21 || text[i] > 0x7E) {
            return false;
        }
    }
    return size > 0;
}

static bool take_token(remote *r, const char *key, const char *text, size_t size,
                       cmp_report *report)
{
    if (!is_visible(text, size)) {
        r->host->report(report, key, "a token has visible ASCII characters only");
        return false;
    }
    r->authorization = memory_must(malloc(sizeof(BEARER) + size));
    memcpy(r->authorization, BEARER, sizeof(BEARER) - 1);
    memcpy(r->authorization + sizeof(BEARER) - 1, text, size);
    r->authorization[sizeof(BEARER) - 1 + size] = '\0';
    return true;
}

static bool read_token(remote *r, const char *path, cmp_report *report)
{
    char text[TOKEN_SIZE_MAX];
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t size =
        fd >= 0 && fstat(fd, &status) == 0 ? read(fd, text, sizeof(text)) : (ssize_t)-1;
    const int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    bool good = false;
    if (size < 0) {
        r->host->report(report, "token_file", "%s cannot be read: %s", path, strerror(error));
    } else if ((status.st_mode & 077) != 0) {
        r->host->report(report, "token_file", "%s is open to others: run chmod 600 %s", path, path);
    } else {
        const size_t used = (size_t)size - (size > 0 && text[size - 1] == '\n');
        good = take_token(r, "token_file", text, used, report);
    }
    OPENSSL_cleanse(text, sizeof(text));
    return good;
}

bool credential_open(remote *r, cmp_report *report)
{
    const options *o = r->options;
    if (o->token_file != NULL) {
        return read_token(r, o->token_file, report);
    }
    return o->token == NULL || take_token(r, "token", o->token, strlen(o->token), report);
}

void credential_close(remote *r)
{
    if (r->authorization != NULL) {
        OPENSSL_cleanse(r->authorization, strlen(r->authorization));
        free(r->authorization);
        r->authorization = NULL;
    }
}

/* ---- the signature ---- */

typedef struct search {
    cmp_str peer;
    int64_t now_ms;
    const cmp_key *newest;
} search;

/* Of equals the last in the file, as for requests to peers. */
static void consider(const cmp_key *key, void *arg)
{
    search *s = arg;
    const bool valid = s->now_ms >= key->not_before_ms && s->now_ms <= key->not_after_ms;
    if (valid && cmp_str_equal(key->peer, s->peer) &&
        (s->newest == NULL || key->not_before_ms >= s->newest->not_before_ms)) {
        s->newest = key;
    }
}

static void hex(const uint8_t *from, size_t size, char *to)
{
    for (size_t i = 0; i < size; i++) {
        *to++ = "0123456789abcdef"[from[i] >> 4];
        *to++ = "0123456789abcdef"[from[i] & 15];
    }
}

/* RFC 9562, 5.7: the server may want to know how old a request is. */
static void make_tid(const cmp_host *host, int64_t now_ms, char tid[CREDENTIAL_TID_SIZE])
{
    static const uint8_t group_ends[] = {4, 6, 8, 10, 16};
    uint8_t octets[16];
    host->random(host, octets, sizeof(octets));
    for (size_t i = 0; i < 6; i++) {
        octets[i] = (uint8_t)(now_ms >> (40 - 8 * i));
    }
    octets[6] = (uint8_t)(0x70 | (octets[6] & 0x0F));
    octets[8] = (uint8_t)(0x80 | (octets[8] & 0x3F));
    for (size_t group = 0, at = 0; group < sizeof(group_ends); at = group_ends[group++]) {
        hex(octets + at, group_ends[group] - at, tid + 2 * at + group);
        if (group + 1 < sizeof(group_ends)) {
            tid[2 * group_ends[group] + group] = '-';
        }
    }
}

static const EVP_MD *digest_of(cmp_hash hash)
{
    switch (hash) {
    case CMP_HASH_SHA1:
        return EVP_sha1();
    case CMP_HASH_SHA384:
        return EVP_sha384();
    case CMP_HASH_SHA512:
        return EVP_sha512();
    case CMP_HASH_SHA256:
        break;
    }
    return EVP_sha256();
}

/* HMAC(apikey, tid ‖ icis) as text; its size, 0 when OpenSSL fails. */
static size_t compute(const cmp_key *key, cmp_str tid, cmp_str icis, char *text)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    uint8_t *joined = memory_must(malloc(tid.size + icis.size));
    memcpy(joined, tid.at, tid.size);
    memcpy(joined + tid.size, icis.at, icis.size);
    const bool good = HMAC(digest_of(key->hash), key->secret, (int)key->secret_size, joined,
                           tid.size + icis.size, mac, &size) != NULL;
    free(joined);
    if (!good) {
        return 0;
    }
    if (key->encoding == CMP_ENCODING_BASE64) {
        return (size_t)EVP_EncodeBlock((unsigned char *)text, mac, (int)size);
    }
    hex(mac, size, text);
    return (size_t)2 * size;
}

bool credential_sign(const remote *r, cmp_str icis, credential_signature *signature)
{
    const cmp_host *host = r->host;
    search s = {.peer = cmp_str_from(r->options->peer), .now_ms = host->now_ms(host)};
    host->key_each(host, CMP_KEY_RECEIVED, consider, &s);
    if (s.newest == NULL) {
        return false;
    }
    make_tid(host, s.now_ms, signature->tid);
    const cmp_str tid = {signature->tid, CREDENTIAL_TID_SIZE};
    const size_t size = compute(s.newest, tid, icis, signature->text);
    signature->headers[0] = (cmp_pair){CMP_STR("cmp-tid"), tid};
    signature->headers[1] = (cmp_pair){CMP_STR("cmp-key-id"), s.newest->id};
    signature->headers[2] = (cmp_pair){CMP_STR("cmp-signature"), {signature->text, size}};
    return size > 0;
}
