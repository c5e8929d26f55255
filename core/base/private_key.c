/* SPDX-License-Identifier: Apache-2.0 */
/* See private_key.h. */
#include "base/private_key.h"

#include "base/log.h"
#include "base/readers.h"

#include <openssl/err.h>
#include <sys/stat.h>

/* OpenSSL's own would ask at the terminal, where a daemon has nobody. */
static int on_password(char *password, int size, int writing, void *asked)
{
    (void)password, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

/* Its group may be one that is made for keys, and that we are in. */
static void warn_of_readers(const char *file)
{
    struct stat status;
    if (stat(file, &status) != 0) {
        return;
    }
    switch (readers_of(&status)) {
    case READERS_OURS:
        break;
    case READERS_GROUP:
        log_warning("tls",
                    "the key %s can be read by the group with the id %u, which is none of ours: "
                    "run chmod 600 %s, or give it a group of ours",
                    file, status.st_gid, file);
        break;
    case READERS_ANYBODY:
        log_warning("tls", "the key %s is open to others (mode %04o): run chmod 600 %s", file,
                    status.st_mode & 07777, file);
        break;
    }
}

bool private_key_use(SSL_CTX *ctx, const char *file, const char **reason)
{
    bool asked = false;
    SSL_CTX_set_default_passwd_cb(ctx, on_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
    const bool used = SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    SSL_CTX_set_default_passwd_cb(ctx, NULL);
    *reason = NULL;
    if (!used && asked) {
        *reason = "it is encrypted, and there is nobody to ask for its password: decrypt it with "
                  "\"openssl pkey\"";
        ERR_clear_error();
    }
    if (used) {
        warn_of_readers(file);
    }
    return used;
}
