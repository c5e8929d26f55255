/* SPDX-License-Identifier: Apache-2.0 */
/* The file in which processes share a replay memory: opened with care, locked, and mapped.
 *
 * Who opens it while nobody else has it is *alone*, and may make, mend or replace what is in it;
 * from replay_file_share on others may come, and only use it. A process that ends, however it does,
 * leaves the file to those who stay. */
#pragma once

#include <cmp/base.h>

typedef struct replay_file {
    int fd;
    bool alone;
    size_t size; /* of the file as it was found; 0: it is new */
} replay_file;

/* Opens it, or makes it when it is missing, for its owner alone. False with the reason in `error`:
 * it belongs to somebody else, is open to others, or is no regular file. Waits while somebody who
 * is alone works on it. */
CMP_MUST_USE bool replay_file_open(replay_file *f, const char *path, char *error,
                                   size_t error_size);

/* Opens it as it is, to be looked at: without a lock, and nothing is made. One that is missing and
 * could be made is empty, and has no descriptor. False as above; to be closed in either case. */
CMP_MUST_USE bool replay_file_look(replay_file *f, const char *path, char *error,
                                   size_t error_size);

/* Empties it and gives it that many octets of zeros, all of them on the disk: where there is no
 * room, it is said here and not by a signal later. Alone. */
CMP_MUST_USE bool replay_file_make(replay_file *f, size_t size, char *error, size_t error_size);

/* NULL with the reason in `error`. Undone by munmap; it may outlive the descriptor, but not the
 * lock. */
CMP_MUST_USE void *replay_file_map(const replay_file *f, size_t size, char *error,
                                   size_t error_size);

/* Lets others in. */
void replay_file_share(replay_file *f);

/* Gives the lock up, too. */
void replay_file_close(replay_file *f);
