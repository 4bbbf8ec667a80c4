/*
 * verify_chain.c - what must follow what, and the hashes.
 *
 * begin, then for each seal its entries in order (as entry, or several as withheld) and the seal
 * itself, then end. Three things vouch for an entry: the check, which is how the seal that was made
 * at the time says that its digest begins, and which names the line; the hash of its seal; and the
 * hash of the chain, which every later seal carries on. A file begins with the hash that the chain
 * had before, and the file before must have ended with it.
 */
#include "verify.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

/* Entries of a seal; sealers make far fewer. Bounds the memory. */
#define SEAL_MAX (1 << 20)

static const unsigned char no_hash[HASH_SIZE];

static bool same(const unsigned char *a, const unsigned char *b) {
    return memcmp(a, b, HASH_SIZE) == 0;
}

static void add_field(const void *bytes, size_t size) {
    uint32_t prefix = htobe32((uint32_t)size);

    hash_add(&prefix, sizeof prefix);
    hash_add(bytes, size);
}

static void add_number(uint64_t number) {
    number = htobe64(number);
    add_field(&number, sizeof number);
}

/* Where the chain has come to a seal that somebody noted, it must be the same. */
static bool meet_anchors(struct chain *chain, struct problem *problem) {
    for (size_t i = 0; i < chain->anchor_count; i++) {
        struct anchor *anchor = &chain->anchors[i];

        if (anchor->seal != chain->at)
            continue;
        anchor->met = true;
        if (!same(anchor->hash, chain->hash))
            return wrong(problem, "the chain has another hash at seal %" PRId64 " than the anchor",
                         chain->at);
    }
    return true;
}

/* The file must go on where the one before ended. */
static bool join(const struct chain *chain, struct problem *problem) {
    int64_t from = chain->file.from, next = chain->at + 1;

    if (from > next)
        return wrong(problem, "seals %" PRId64 " to %" PRId64 " are missing between %s and this",
                     next, from - 1, chain->previous_file);
    if (from < next)
        return wrong(problem, "begins with seal %" PRId64 ", but %s goes up to seal %" PRId64, from,
                     chain->previous_file, chain->at);
    if (!same(chain->file.before, chain->hash))
        return wrong(problem, "does not go on from the hash that %s ends with",
                     chain->previous_file);
    return true;
}

/* Nothing else covers what the first line says. */
static bool begin_holds(const struct extract *file, const struct record *record,
                        struct problem *problem) {
    const struct cell *filter = &record->cells[FILTER];
    unsigned char check[CHECK_SIZE], hash[HASH_SIZE];

    if (!cell_hash(record, CHECK, check, CHECK_SIZE, problem))
        return false;
    hash_begin();
    add_number((uint64_t)file->from);
    add_number((uint64_t)file->to);
    add_field(filter->text, filter->size);
    add_field(file->before, HASH_SIZE);
    hash_end(hash);
    return memcmp(hash, check, CHECK_SIZE) == 0 ||
           wrong(problem, "the beginning is not as it was exported");
}

static bool take_begin(struct chain *chain, const struct record *record, struct problem *problem) {
    struct extract *file = &chain->file;

    if (file->begun)
        return wrong(problem, "begins a second time");
    if (!cell_number(record, FROM, &file->from, problem) ||
        !cell_number(record, TO, &file->to, problem) ||
        !cell_hash(record, BEFORE, file->before, HASH_SIZE, problem) ||
        !begin_holds(file, record, problem))
        return false;
    if (file->from < 1 || file->to < file->from - 1)
        return wrong(problem, "from %" PRId64 " to %" PRId64 " is no range of seals", file->from,
                     file->to);
    if (file->from == 1 && !same(file->before, no_hash))
        return wrong(problem, "before: there is no hash before the first seal");
    if (chain->from && !join(chain, problem))
        return false;
    if (!chain->from) {
        chain->from = file->from;
        memcpy(chain->before, file->before, HASH_SIZE);
    }
    chain->at = file->from - 1;
    memcpy(chain->hash, file->before, HASH_SIZE);
    file->begun = true;
    return meet_anchors(chain, problem);
}

/* A line of an entry or a seal must be about the seal whose turn it is. */
static bool in_turn(const struct chain *chain, const struct record *record,
                    struct problem *problem) {
    int64_t seal, turn = chain->at + 1;

    if (!cell_number(record, SEAL_NUMBER, &seal, problem))
        return false;
    problem->seal = seal;
    if (seal == turn && seal <= chain->file.to)
        return true;
    if (seal < turn || seal > chain->file.to)
        return wrong(problem, "seal %" PRId64 " has no place here", seal);
    problem->seal = turn;
    if (chain->index > 0)
        return wrong(problem, "the line of seal %" PRId64 " is missing", turn);
    return wrong(problem, "seals %" PRId64 " to %" PRId64 " are missing", turn, seal - 1);
}

/* The same within the seal. */
static bool index_in_turn(const struct chain *chain, const struct record *record,
                          struct problem *problem) {
    int64_t index;

    if (!in_turn(chain, record, problem) || !cell_number(record, INDEX, &index, problem))
        return false;
    if (index < chain->index)
        return wrong(problem, "index %" PRId64 " of the seal is there already", index);
    if (index > chain->index)
        return wrong(problem, "index %" PRId64 " to %" PRId64 " of the seal are missing",
                     chain->index, index - 1);
    return true;
}

/* Room for the digests of so many more entries of the open seal. */
static unsigned char *more_digests(struct chain *chain, int64_t count, struct problem *problem) {
    size_t needed = (size_t)chain->index + (size_t)count;

    if (count > SEAL_MAX || needed > SEAL_MAX) {
        wrong(problem, "more entries than a seal can have");
        return NULL;
    }
    if (needed > chain->room) {
        chain->room = 2 * needed;
        chain->digests = must(realloc(chain->digests, chain->room * HASH_SIZE));
    }
    return chain->digests + chain->index * HASH_SIZE;
}

static bool take_entry(struct chain *chain, const struct record *record, struct problem *problem) {
    unsigned char check[CHECK_SIZE], *digest;

    if (!cell_number(record, ID, &problem->entry, problem) ||
        !index_in_turn(chain, record, problem) ||
        !cell_hash(record, CHECK, check, CHECK_SIZE, problem))
        return false;
    digest = more_digests(chain, 1, problem);
    if (!digest || !entry_digest(record, digest, problem))
        return false;
    if (memcmp(digest, check, CHECK_SIZE) != 0)
        return wrong(problem, "the entry is not as it was sealed");
    chain->index++;
    chain->file.shown++;
    return true;
}

static bool take_withheld(struct chain *chain, const struct record *record,
                          struct problem *problem) {
    unsigned char check[CHECK_SIZE], hash[HASH_SIZE], *digests;
    int64_t count;

    if (!index_in_turn(chain, record, problem) || !cell_number(record, ENTRIES, &count, problem) ||
        !cell_hash(record, CHECK, check, CHECK_SIZE, problem))
        return false;
    if (count < 1)
        return wrong(problem, "entries: nothing is withheld");
    digests = more_digests(chain, count, problem);
    if (!digests || !cell_hash(record, DIGESTS, digests, (size_t)count * HASH_SIZE, problem))
        return false;
    hash_begin();
    hash_add(digests, (size_t)count * HASH_SIZE);
    hash_end(hash);
    if (memcmp(hash, check, CHECK_SIZE) != 0)
        return wrong(problem, "one of the entries withheld is not as it was sealed");
    chain->index += count;
    return true;
}

static bool take_missing(struct chain *chain, const struct record *record,
                         struct problem *problem) {
    return cell_number(record, ID, &problem->entry, problem) &&
           index_in_turn(chain, record, problem) &&
           wrong(problem, "the journal had lost the entry when it was exported");
}

/* The hash of the open seal, by what its line says beside. */
static bool seal_hash(const struct chain *chain, const struct record *record,
                      unsigned char hash[HASH_SIZE], struct problem *problem) {
    const struct cell *snapshot = &record->cells[SNAPSHOT];
    uint64_t number = htobe64((uint64_t)chain->at + 1), cluster;
    int64_t at, base_id;

    if (!cell_time(record, AT, &at, problem) ||
        !cell_unsigned(record, CLUSTER, &cluster, problem) ||
        !cell_number(record, BASE_ID, &base_id, problem))
        return false;
    hash_begin();
    hash_add(chain->hash, HASH_SIZE);
    hash_add(&number, sizeof number);
    add_number((uint64_t)at);
    add_number(cluster);
    add_number((uint64_t)base_id);
    add_field(snapshot->text, snapshot->size);
    hash_add(chain->digests, (size_t)chain->index * HASH_SIZE);
    hash_end(hash);
    return true;
}

static bool take_seal(struct chain *chain, const struct record *record, struct problem *problem) {
    unsigned char hash[HASH_SIZE], written[HASH_SIZE];
    int64_t entries;

    if (!in_turn(chain, record, problem) || !cell_number(record, ENTRIES, &entries, problem))
        return false;
    if (entries != chain->index)
        return wrong(problem, "%" PRId64 " entries are here, but the seal has %" PRId64,
                     chain->index, entries);
    if (!cell_hash(record, HASH, written, HASH_SIZE, problem) ||
        !seal_hash(chain, record, hash, problem))
        return false;
    if (!same(hash, written))
        return wrong(problem, "the hash of the seal does not match what it seals");
    chain->at++;
    memcpy(chain->hash, hash, HASH_SIZE);
    chain->file.seals++;
    chain->file.entries += entries;
    chain->index = 0;
    return meet_anchors(chain, problem);
}

/* Number by number, what the end says of the file. */
static bool end_agrees(const struct extract *file, const struct record *record,
                       struct problem *problem) {
    const struct {
        enum column column;
        int64_t found;
    } numbers[] = {{FROM, file->from},
                   {TO, file->to},
                   {SEALS, file->seals},
                   {ENTRIES, file->entries},
                   {SHOWN, file->shown}};
    int64_t written;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (!cell_number(record, numbers[i].column, &written, problem))
            return false;
        if (written != numbers[i].found)
            return wrong(problem, "%s: %" PRId64 ", but the file has %" PRId64,
                         column_names[numbers[i].column], written, numbers[i].found);
    }
    return true;
}

static bool take_end(struct chain *chain, const struct record *record, struct problem *problem) {
    struct extract *file = &chain->file;
    unsigned char before[HASH_SIZE], hash[HASH_SIZE];

    if (chain->index > 0)
        return wrong(problem, "the line of seal %" PRId64 " is missing", chain->at + 1);
    if (chain->at < file->to)
        return wrong(problem, "seals %" PRId64 " to %" PRId64 " are missing", chain->at + 1,
                     file->to);
    if (!end_agrees(file, record, problem) ||
        !cell_hash(record, BEFORE, before, HASH_SIZE, problem) ||
        !cell_hash(record, HASH, hash, HASH_SIZE, problem))
        return false;
    if (!same(before, file->before))
        return wrong(problem, "before: not the hash that the file begins with");
    if (!same(hash, chain->hash))
        return wrong(problem, "hash: not the hash of the last seal");
    file->ended = true;
    return true;
}

void chain_begin_file(struct chain *chain) {
    chain->file = (struct extract){0};
    chain->index = 0;
}

bool chain_take(struct chain *chain, const struct record *record, struct problem *problem) {
    static bool (*const take[RECORD_KINDS])(struct chain *, const struct record *,
                                            struct problem *) = {
        [BEGIN] = take_begin,     [ENTRY] = take_entry, [WITHHELD] = take_withheld,
        [MISSING] = take_missing, [SEAL] = take_seal,   [END] = take_end};

    if (chain->file.ended)
        return wrong(problem, "goes on after its end");
    if (!chain->file.begun && record->kind != BEGIN)
        return wrong(problem, "the beginning is missing");
    return take[record->kind](chain, record, problem);
}

bool chain_end_file(struct chain *chain, const char *name, struct problem *problem) {
    const struct extract *file = &chain->file;

    if (!file->ended)
        return wrong(problem, "broken off: the line \"end\" is missing");
    chain->seals += file->seals;
    chain->entries += file->entries;
    chain->shown += file->shown;
    chain->previous_file = name;
    return true;
}
