/*
 * verify_entry.c - the canonical bytes of an entry, and SHA-256.
 *
 * extension/src/canon.c makes the same bytes of a row of the journal; here they are made anew, of
 * what an export says and by its documentation, or nothing would be proved. One of SHA-256's
 * contexts is used for everything: looking the algorithm up costs more than hashing an entry.
 */
#include "verify.h"

#include <endian.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static EVP_MD_CTX *context;
static EVP_MD *algorithm;

static void check(int done) {
    if (!done) {
        fputs("onefin-verify: OpenSSL has no SHA-256\n", stderr);
        exit(2);
    }
}

void hash_begin(void) {
    if (!context) {
        context = must(EVP_MD_CTX_new());
        algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
        check(algorithm != NULL);
    }
    check(EVP_DigestInit_ex2(context, algorithm, NULL));
}

void hash_add(const void *bytes, size_t size) {
    check(EVP_DigestUpdate(context, bytes, size));
}

void hash_end(unsigned char hash[HASH_SIZE]) {
    check(EVP_DigestFinal_ex(context, hash, NULL));
}

/* Bytes being put together. A field is never longer than the cell it is made of, or 12. */
static struct {
    unsigned char *bytes;
    size_t room, size;
} canon;

static unsigned char *field(size_t size) {
    uint32_t prefix = htobe32((uint32_t)size);
    unsigned char *at = canon.bytes + canon.size;

    memcpy(at, &prefix, sizeof prefix);
    canon.size += sizeof prefix + size;
    return at + sizeof prefix;
}

static void null_field(void) {
    memset(canon.bytes + canon.size, 0xff, 4);
    canon.size += 4;
}

static void number_field(uint64_t number) {
    number = htobe64(number);
    memcpy(field(sizeof number), &number, sizeof number);
}

static bool integer_field(const struct record *record, enum column column,
                          struct problem *problem) {
    int64_t number;
    uint32_t bytes;

    if (!cell_number(record, column, &number, problem))
        return false;
    if (number < INT32_MIN || number > INT32_MAX)
        return wrong(problem, "%s: not a number that an integer can be", column_names[column]);
    bytes = htobe32((uint32_t)number);
    memcpy(field(sizeof bytes), &bytes, sizeof bytes);
    return true;
}

static bool add_field(const struct record *record, enum column column, struct problem *problem) {
    const struct cell *cell = &record->cells[column];
    uint64_t value;

    if (!cell->text) {
        null_field();
        return true;
    }
    switch (column) {
    case XACT:
        if (!cell_unsigned(record, column, &value, problem))
            return false;
        break;
    case AT:
        if (!cell_time(record, column, (int64_t *)&value, problem))
            return false;
        break;
    case VERSION:
        return integer_field(record, column, problem);
    case DIGEST:
    case RECORD:
        return cell_bytes(record, column, field(cell->size / 2), problem);
    default:
        if (!column_is_number(column)) {
            memcpy(field(cell->size), cell->text, cell->size);
            return true;
        }
        if (!cell_number(record, column, (int64_t *)&value, problem))
            return false;
    }
    number_field(value);
    return true;
}

static void make_room(const struct record *record) {
    size_t size = 0;

    for (int column = ID; column <= DETAIL; column++)
        size += 12 + record->cells[column].size;
    if (size > canon.room) {
        canon.room = 2 * size;
        canon.bytes = must(realloc(canon.bytes, canon.room));
    }
    canon.size = 0;
}

bool entry_digest(const struct record *record, unsigned char digest[HASH_SIZE],
                  struct problem *problem) {
    make_room(record);
    for (int column = ID; column <= DETAIL; column++)
        if (!add_field(record, column, problem))
            return false;
    hash_begin();
    hash_add(canon.bytes, canon.size);
    hash_end(digest);
    return true;
}
