/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring as a file that is changed: one writer at a time, and readers see the old file or the
 * new one, never a part. What is not touched keeps all its members. */
#pragma once

#include "peers/keyring.h"

typedef struct keyfile keyfile;
typedef struct peers peers;
typedef struct fy_node keyfile_entry;

/* The file's lists. */
typedef enum keyfile_list {
    KEYFILE_ISSUED = CMP_KEY_ISSUED,
    KEYFILE_RECEIVED = CMP_KEY_RECEIVED,
    KEYFILE_TOKENS,
} keyfile_list;

/* One member of an entry. A NULL value leaves the member out. */
typedef struct keyfile_member {
    const char *name, *value;
    bool word; /* one of a few known words, or a list of them, written without quotes */
} keyfile_member;

/* Takes the lock (waits for another writer), reads and checks the file. One that does not exist is
 * an empty keyring. NULL after messages. */
keyfile *keyfile_open(const char *path);

/* Gives the lock back; what was not saved is lost. */
void keyfile_close(keyfile **k);

/* The key of that id, or the token of that name; or NULL. Several peers may have given us keys of
 * one id: `whose` says which peer's is meant; NULL: the first, and *several whether there are more.
 */
keyfile_entry *keyfile_find(keyfile *k, keyfile_list list, const char *id, const char *whose,
                            bool *several);

/* False after a message that names the member: a value is no UTF-8, as YAML wants it. */
CMP_MUST_USE bool keyfile_add(keyfile *k, keyfile_list list, const keyfile_member *members,
                              size_t count);
void keyfile_remove(keyfile *k, keyfile_list list, keyfile_entry *entry);

/* Sets a member to an ASCII text of ours, whether it was there or not. */
void keyfile_set(keyfile *k, keyfile_entry *entry, const keyfile_member *member);

/* A member's text; absent when it is not there. Valid until the entry changes. */
cmp_str keyfile_get(keyfile_entry *entry, const char *name);

/* Writes a new file, checks that it is a good keyring, all of whose peers are among these (NULL:
 * any are good), and puts it in the old one's place, with its owner and mode 0600. False after a
 * message; the old file stays then. */
CMP_MUST_USE bool keyfile_save(keyfile *k, const peers *known);
