/*
 * spool.h - objects of the store into temporary files, and temporary files into the store.
 *
 * The worker reads and writes plain files; these are they. They have no name, so that nothing is
 * left of them, whatever ends the gateway. SHA-256 is made on the way.
 */
#pragma once

#include "intake.h"

#include <stdbool.h>
#include <stdint.h>

struct spool; /* one copying under way */

struct spooled {
    int file;     /* of a fetch: the file, taken over by who is told; -1 otherwise */
    int64_t size; /* bytes */
    char sha256[SHA256_HEX];
};

/* Told once, from the loop; the copying is over with it. error is 0 or an errno. */
typedef void spool_done_fn(void *owner, int error, const struct spooled *what);

/* Can temporary files be made? */
bool spool_check(void);

/* An empty temporary file, or -1 with errno, and the log says why. */
int spool_file(void);

/* What the store has under the key, into a temporary file. ENOENT: nothing. */
struct spool *spool_fetch(const char *key, spool_done_fn *done, void *owner);

/* A file from its beginning into the store, under a key that is free; the descriptor is taken over.
 */
struct spool *spool_store(int file, const char *key, spool_done_fn *done, void *owner);

/* Ends it without a word. */
void spool_abandon(struct spool *spool);
