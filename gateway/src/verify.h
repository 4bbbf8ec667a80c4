/*
 * verify.h - the parts of onefin-verify: it proves an export of the journal without any database.
 *
 *   verify_source.c  file -> the text of one record after the other
 *   verify_csv.c     a record's text -> its cells, in CSV
 *   verify_json.c    the same in JSON lines
 *   verify_record.c  which cells a record has; cells as numbers, times and bytes
 *   verify_entry.c   the canonical bytes of an entry
 *   verify_chain.c   what must follow what, and the hashes
 *   verify.c         options, the run, the report
 *
 * One thread. Memory is a buffer as large as the largest record, and the digests of one seal.
 * extension/README.md describes the records ("Export") and what is hashed ("The bytes under the
 * hash").
 */
#ifndef ONEFIN_VERIFY_H
#define ONEFIN_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#define HASH_SIZE  32 /* bytes of a SHA-256 */
#define CHECK_SIZE 8  /* the first of them, which a seal keeps for each entry */

/* What was found wrong first, and where; the run ends with it. */
struct problem {
    const char *file; /* NULL: in none */
    uint64_t line;    /* 0: in none */
    int64_t seal;     /* 0: none, and so on */
    int64_t entry;
    char what[256];
};

/* Says what is wrong; false, for the caller to return. */
bool wrong(struct problem *problem, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes what an allocation returned; there is no going on without memory. */
void *must(void *memory);

/* ---- records ---- */

enum record_kind { BEGIN, ENTRY, WITHHELD, MISSING, SEAL, END, RECORD_KINDS };

/* Columns as they stand in CSV. From ID to DETAIL they are an entry's, in the order of its
 * canonical bytes. */
enum column {
    LINE, /* the kind of record */
    SEAL_NUMBER,
    INDEX,
    CHECK,
    ID,
    XACT,
    AT,
    ACTOR,
    SESSION,
    ORG,
    TOPIC,
    SUBJECT,
    ACCOUNT,
    VERSION,
    ENTRY_KIND,
    AUDIENCE,
    DB_USER,
    APPLICATION,
    ADDRESS,
    DIGEST,
    RECORD,
    DETAIL,
    ENTRIES,
    DIGESTS,
    CLUSTER,
    BASE_ID,
    SNAPSHOT,
    HASH,
    FROM,
    TO,
    FILTER,
    SEALS,
    SHOWN,
    BEFORE,
    COLUMN_COUNT
};

/* Text in the source's buffer; NULL is null. */
struct cell {
    char *text;
    size_t size;
};

struct record {
    enum record_kind kind;
    struct cell cells[COLUMN_COUNT];
};

/* Names, as exports have them. */
extern const char *const column_names[COLUMN_COUNT];
extern const size_t column_sizes[COLUMN_COUNT];

/* Whether the column is a bare number in JSON; else it is a string. */
bool column_is_number(enum column column);

/* The columns that a record of this kind has, as a set of bits. */
uint64_t record_columns(enum record_kind kind);

/* The kind that the cell LINE names, into the record. */
bool record_name(struct record *record, struct problem *problem);

/* Whether just those cells are filled in that a record of its kind has. */
bool record_complete(const struct record *record, struct problem *problem);

/* Cells as values; a cell that is none, or no good one, is a problem. Numbers are written without
 * blanks, plus or leading zeros, bytes in small hexadecimal digits. */
bool cell_number(const struct record *record, enum column column, int64_t *number,
                 struct problem *problem);
bool cell_unsigned(const struct record *record, enum column column, uint64_t *number,
                   struct problem *problem);
/* Microseconds since 2000-01-01 UTC. */
bool cell_time(const struct record *record, enum column column, int64_t *time,
               struct problem *problem);
/* As many bytes as half the cell's size. */
bool cell_bytes(const struct record *record, enum column column, unsigned char *bytes,
                struct problem *problem);
/* Just so many. */
bool cell_hash(const struct record *record, enum column column, unsigned char *bytes, size_t size,
               struct problem *problem);

/* ---- reading ---- */

enum format { UNKNOWN_FORMAT, CSV, JSON_LINES };

struct source {
    const char *name;
    int file;
    enum format format;
    char *buffer;
    size_t room, start, end; /* bytes start..end are read and not yet used */
    uint64_t line;           /* of the record in use */
    uint64_t lines;          /* of it and before */
};

enum outcome {
    READ_RECORD,
    READ_NO_MORE,
    READ_WRONG,  /* the record is no good */
    READ_FAILED, /* the file cannot be read, or is no export */
};

/* "-" is standard input. False, with errno, when it cannot be opened. */
bool source_open(struct source *source, const char *name);

/* The next record; its cells are good until the next call. */
enum outcome source_read(struct source *source, struct record *record, struct problem *problem);

void source_close(struct source *source);

/* Take a record's text apart; CSV in place. */
bool csv_parse(char *text, size_t size, struct record *record, struct problem *problem);
bool json_parse(const char *text, size_t size, struct record *record, struct problem *problem);

/* Whether this is the header of an export in CSV. */
bool csv_is_header(const char *text, size_t size);

/* ---- hashes ---- */

/* SHA-256 of pieces, one after the other: begin, add..., end. */
void hash_begin(void);
void hash_add(const void *bytes, size_t size);
void hash_end(unsigned char hash[HASH_SIZE]);

/* The digest of an entry, from its cells. */
bool entry_digest(const struct record *record, unsigned char digest[HASH_SIZE],
                  struct problem *problem);

/* ---- the chain ---- */

/* Someone noted that the chain had this hash at this seal. */
struct anchor {
    int64_t seal;
    unsigned char hash[HASH_SIZE];
    bool met;
};

/* Where the chain stands, over all files. */
struct chain {
    struct anchor *anchors; /* borrowed */
    size_t anchor_count;
    const char *previous_file; /* that was proved before, or NULL */
    int64_t from;              /* of the first file; 0: none yet */
    unsigned char before[HASH_SIZE];
    int64_t at; /* the last seal proved, or the one before the first */
    unsigned char hash[HASH_SIZE];
    int64_t seals, entries, shown; /* of all files */
    struct extract {               /* the file in hand */
        bool begun, ended;
        int64_t from, to;
        int64_t seals, entries, shown;
        unsigned char before[HASH_SIZE];
    } file;
    int64_t index;          /* entries of the open seal so far */
    unsigned char *digests; /* theirs, owned */
    size_t room;            /* digests there is room for */
};

void chain_begin_file(struct chain *chain);
bool chain_take(struct chain *chain, const struct record *record, struct problem *problem);
bool chain_end_file(struct chain *chain, const char *name, struct problem *problem);

#endif
