/* SPDX-License-Identifier: Apache-2.0 */
/* See validity.h. */
#include "daemon/validity.h"

#include "base/clock.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <time.h>

#define SOON_DAYS 14
#define DAY_S     ((int64_t)24 * 60 * 60)

static int64_t unix_time(const ASN1_TIME *time, int64_t otherwise)
{
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : otherwise;
}

/* What cannot be read is an error elsewhere. */
validity validity_of(const char *path, bool of_cas)
{
    validity all = {INT64_MIN, INT64_MAX};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return all;
    }
    bool first = true;
    for (X509 *c; (c = PEM_read_X509(file, NULL, NULL, NULL)) != NULL; X509_free(c)) {
        const int64_t begin_s = unix_time(X509_get0_notBefore(c), INT64_MIN);
        const int64_t end_s = unix_time(X509_get0_notAfter(c), INT64_MAX);
        if (first || (of_cas ? begin_s < all.begin_s : begin_s > all.begin_s)) {
            all.begin_s = begin_s;
        }
        if (first || (of_cas ? end_s > all.end_s : end_s < all.end_s)) {
            all.end_s = end_s;
        }
        first = false;
    }
    ERR_clear_error(); /* there is always one more that is not found */
    fclose(file);
    return all;
}

int64_t validity_of_crl(const char *path)
{
    int64_t end_s = INT64_MAX;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return end_s;
    }
    for (X509_CRL *c; (c = PEM_read_X509_CRL(file, NULL, NULL, NULL)) != NULL; X509_CRL_free(c)) {
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(c);
        const int64_t next_s = next != NULL ? unix_time(next, INT64_MAX) : INT64_MAX;
        end_s = next_s < end_s ? next_s : end_s;
    }
    ERR_clear_error();
    fclose(file);
    return end_s;
}

static const char *day_of(int64_t time_s, char text[32])
{
    const time_t at = (time_t)time_s;
    struct tm tm;
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
    return text;
}

bool validity_doubtful(const validity *v, char text[VALIDITY_TEXT_SIZE])
{
    const int64_t now_s = clock_now_ms() / 1000;
    char day[32];
    if (v->end_s < now_s) {
        snprintf(text, VALIDITY_TEXT_SIZE, "has expired, at %s", day_of(v->end_s, day));
    } else if (v->begin_s > now_s) {
        snprintf(text, VALIDITY_TEXT_SIZE, "is not valid yet, only from %s",
                 day_of(v->begin_s, day));
    } else if (v->end_s - now_s <= SOON_DAYS * DAY_S) {
        snprintf(text, VALIDITY_TEXT_SIZE, "ends in %lld days, at %s",
                 (long long)((v->end_s - now_s) / DAY_S), day_of(v->end_s, day));
    } else {
        return false;
    }
    return true;
}
