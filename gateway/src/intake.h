/*
 * intake.h - what is found of a file while its bytes go by: size, SHA-256 and type; and its record.
 */
#pragma once

#include "db.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdint.h>

#define SHA256_HEX (2 * 32 + 1) /* bytes of one as text */

struct intake {
    EVP_MD_CTX *digest;
    int64_t size;             /* bytes so far */
    unsigned char head[4096]; /* the first of them, which tell the type */
};

/* What else the record says. */
struct intake_of {
    const char *token, *key, *topic, *name, *address;
    const char *upload; /* that it came in parts; NULL: at once */
    json_int_t document;
};

void intake_begin(struct intake *intake);
void intake_take(struct intake *intake, const void *bytes, size_t size);

/* The store has all of it: the database is to record it (file_end). */
struct db_call *intake_record(struct intake *intake, const struct intake_of *of,
                              struct db_answer answer);

/* Harmless where nothing has begun. */
void intake_end(struct intake *intake);

/* Ends a digest of SHA-256 as text. */
void sha256_hex(EVP_MD_CTX *digest, char hex[SHA256_HEX]);
