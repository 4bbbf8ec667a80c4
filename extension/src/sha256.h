/*
 * sha256.h: SHA-256 of some bytes.
 */
#ifndef ONEFIN_SHA256_H
#define ONEFIN_SHA256_H

#include "postgres.h"

#define OF_HASH_BYTES 32

typedef struct OfHash {
    uint8 bytes[OF_HASH_BYTES];
} OfHash;

extern void of_hash(const void *data, size_t length, OfHash *hash);
extern bool of_same_hash(const OfHash *a, const OfHash *b);
extern bytea *of_hash_bytea(const OfHash *hash);
extern void of_hash_from_bytea(Datum value, OfHash *hash);

/* The hash of some bytes, as a bytea. */
extern bytea *of_sha256(const void *data, size_t length);

#endif
