/*
 * sha256.c: SHA-256 of some bytes, by OpenSSL.
 *
 * The algorithm is fetched once and the context kept for the life of the backend: looking it up
 * anew for each hash, as PostgreSQL's own pg_cryptohash does, costs more than hashing a message.
 */
#include "postgres.h"

#include "sha256.h"

#include "compat.h"
#include "fmgr.h"

#include <openssl/evp.h>

static EVP_MD *algorithm = NULL;
static EVP_MD_CTX *context = NULL;

static void prepare(void) {
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    context = EVP_MD_CTX_new();
    if (algorithm == NULL || context == NULL)
        elog(ERROR, "OpenSSL has no SHA-256");
}

void of_hash(const void *data, size_t length, OfHash *hash) {
    if (context == NULL)
        prepare();
    if (!EVP_DigestInit_ex2(context, algorithm, NULL) || !EVP_DigestUpdate(context, data, length) ||
        !EVP_DigestFinal_ex(context, hash->bytes, NULL))
        elog(ERROR, "could not compute SHA-256");
}

bool of_same_hash(const OfHash *a, const OfHash *b) {
    return memcmp(a->bytes, b->bytes, OF_HASH_BYTES) == 0;
}

bytea *of_hash_bytea(const OfHash *hash) {
    bytea *value = palloc(VARHDRSZ + OF_HASH_BYTES);

    SET_VARSIZE(value, VARHDRSZ + OF_HASH_BYTES);
    memcpy(VARDATA(value), hash->bytes, OF_HASH_BYTES);
    return value;
}

/* All zeros when the value is not of 32 bytes: no hash is. */
void of_hash_from_bytea(Datum value, OfHash *hash) {
    struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

    memset(hash, 0, sizeof(*hash));
    if (VARSIZE_ANY_EXHDR(bytes) == OF_HASH_BYTES)
        memcpy(hash->bytes, VARDATA_ANY(bytes), OF_HASH_BYTES);
}

bytea *of_sha256(const void *data, size_t length) {
    OfHash hash;

    of_hash(data, length, &hash);
    return of_hash_bytea(&hash);
}
