/* intake.c - see intake.h. */
#include "intake.h"
#include "memory.h"
#include "sniff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t head_size(const struct intake *intake) {
    size_t most = sizeof intake->head;

    return (size_t)intake->size < most ? (size_t)intake->size : most;
}

void intake_begin(struct intake *intake) {
    intake->digest = EVP_MD_CTX_new();
    EVP_DigestInit_ex(intake->digest, EVP_sha256(), NULL);
    intake->size = 0;
}

void intake_take(struct intake *intake, const void *bytes, size_t size) {
    size_t have = head_size(intake);
    size_t room = sizeof intake->head - have;

    memcpy(intake->head + have, bytes, size < room ? size : room);
    EVP_DigestUpdate(intake->digest, bytes, size);
    intake->size += size;
}

struct db_call *intake_record(struct intake *intake, const struct intake_of *of,
                              struct db_answer answer) {
    char document[24], size[24], hex[2 + SHA256_HEX] = "\\x";
    const char *params[] = {of->token, document, of->key,
                            of->topic, of->name, sniff_type(intake->head, head_size(intake)),
                            size,      hex,      of->address,
                            of->upload};

    sha256_hex(intake->digest, hex + 2);
    snprintf(document, sizeof document, "%" JSON_INTEGER_FORMAT, of->document);
    snprintf(size, sizeof size, "%" JSON_INTEGER_FORMAT, (json_int_t)intake->size);
    return db_call(DB_CALLS, DB_FILE_END, 10, params, answer);
}

void intake_end(struct intake *intake) {
    EVP_MD_CTX_free(intake->digest);
    intake->digest = NULL;
}

void sha256_hex(EVP_MD_CTX *digest, char hex[SHA256_HEX]) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    EVP_DigestFinal_ex(digest, bytes, &length);
    for (unsigned i = 0; i < length; i++)
        sprintf(hex + 2 * i, "%02x", bytes[i]);
}
