/*
 * verify.c: recomputing the sealed journal.
 *
 * For each seal: its number follows the one before, its entries are there, and their digests with
 * the seal's other columns and the previous hash make the hash that is written. For each entry
 * about a message's version: the rows are as they were (verify_message.c). When the whole journal
 * is verified, also the other way round: no entry, message or version is there that no seal knows
 * of, and no seal is missing at the end. It stops at the first place that does not match and names
 * it.
 *
 * Everything is read in one snapshot, the caller's. What is not sealed yet is told from what never
 * was by the newest seal's snapshot: only what that did not see may lack a seal.
 */
#include "postgres.h"

#include "verify.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "json.h"
#include "miscadmin.h"
#include "plan.h"
#include "row.h"
#include "shared.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include <sodium.h>

/* Seals read at a time. */
#define SEALS_PER_READ 200

typedef struct Seal {
    OfSealHead head;
    OfHash hash;
    ArrayType *entries;
    bytea *checks;
} Seal;

typedef struct Verification {
    OfLookup journal;
    OfMessages *messages;
    OfRow row; /* where the journal's columns are */
    StringInfoData scratch;
    MemoryContext memory; /* for one seal */
    OfHash hash;
    int64 last; /* the seal of this hash */
    int64 seals;
    int64 entries;
    OfBroken broken;
} Verification;

static bool broken(Verification *v, int64 seal, int64 entry, const char *what) {
    if (v->broken.what == NULL)
        v->broken = (OfBroken){.what = what, .seal = seal, .entry = entry};
    return false;
}

static bool read_entry(Verification *v, int64 id, OfSealedEntry *entry) {
    TupleTableSlot *slot = of_lookup(&v->journal, id);

    if (slot == NULL)
        return false;
    slot_getallattrs(slot);
    for (int column = 0; column < OF_ENTRY_NCOLUMNS; column++) {
        entry->values[column] = slot->tts_values[v->row.numbers[column] - 1];
        entry->nulls[column] = slot->tts_isnull[v->row.numbers[column] - 1];
    }
    return true;
}

static bool check_is(const Seal *seal, int i, const OfHash *digest) {
    return VARSIZE_ANY_EXHDR(seal->checks) >= (Size)(i + 1) * OF_CHECK_BYTES &&
           memcmp(VARDATA_ANY(seal->checks) + i * OF_CHECK_BYTES, digest->bytes, OF_CHECK_BYTES) ==
               0;
}

/* The entries into the chain; the first that is not as it was is remembered as broken. */
static void chain_entries(Verification *v, const Seal *seal, OfChain *chain) {
    int64 *ids = (int64 *)ARR_DATA_PTR(seal->entries);
    int n = ArrayGetNItems(ARR_NDIM(seal->entries), ARR_DIMS(seal->entries));
    int64 number = seal->head.number;
    OfSealedEntry entry;
    OfBroken of_message;
    OfHash digest;

    for (int i = 0; i < n && v->broken.what == NULL; i++) {
        if (!read_entry(v, ids[i], &entry)) {
            broken(v, number, ids[i], "the entry is missing");
            return;
        }
        of_entry_digest(entry.values, entry.nulls, &v->scratch, &digest);
        of_chain_entry(chain, &digest);
        if (!check_is(seal, i, &digest))
            broken(v, number, ids[i], "the entry is not as it was sealed");
        else if (!of_messages_check(v->messages, &entry, &of_message)) {
            v->broken = of_message;
            v->broken.seal = number;
        }
    }
    v->entries += n;
}

static bool verify_seal(Verification *v, const Seal *seal) {
    MemoryContext before = MemoryContextSwitchTo(v->memory);
    OfChain chain;

    if (seal->head.number != v->last + 1) {
        MemoryContextSwitchTo(before);
        return broken(v, v->last + 1, 0, "the seal is missing");
    }
    of_chain_begin(&chain, &v->hash, &seal->head);
    chain_entries(v, seal, &chain);
    if (v->broken.what == NULL) {
        of_chain_end(&chain, &v->hash);
        if (!of_same_hash(&v->hash, &seal->hash))
            broken(v, seal->head.number, 0, "the seal's hash does not match what it seals");
    }
    MemoryContextSwitchTo(before);
    MemoryContextReset(v->memory);
    v->last = seal->head.number;
    v->seals++;
    return v->broken.what == NULL;
}

static void take_seal(uint64 row, Seal *seal) {
    bool isnull;

    seal->head.number = of_result_id(row, 1);
    seal->head.at = DatumGetTimestampTz(of_result(row, 2, &isnull));
    seal->head.cluster = of_result_id(row, 3);
    seal->head.base_id = of_result_id(row, 4);
    seal->head.snapshot = of_result_text(row, 5);
    of_hash_from_bytea(of_result(row, 6, &isnull), &seal->hash);
    seal->entries = DatumGetArrayTypeP(of_result(row, 7, &isnull));
    seal->checks = DatumGetByteaPP(of_result(row, 8, &isnull));
}

/* Reads the next seals; false when something is broken or there are no more. */
static bool verify_some(Verification *v, int64 to) {
    static OfStatement read = {
        "SELECT number, at, cluster, base_id, snapshot, hash, entries, checks FROM onefin.seal"
        " WHERE number > $1 AND number <= $2 ORDER BY number LIMIT " CppAsString2(SEALS_PER_READ),
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};
    SPITupleTable *rows;
    bool fine = true;
    Seal seal;
    uint64 n;

    of_arg(&args, Int64GetDatum(v->last), false);
    of_arg(&args, Int64GetDatum(to), false);
    of_spi_begin();
    n = of_run_as_owner(&read, &args, true);
    rows = SPI_tuptable;
    for (uint64 i = 0; fine && i < n; i++) {
        CHECK_FOR_INTERRUPTS();
        SPI_tuptable = rows;
        take_seal(i, &seal);
        fine = verify_seal(v, &seal);
    }
    of_spi_end();
    return fine && n == SEALS_PER_READ;
}

static int64 count_of(OfStatement *statement) {
    return DatumGetInt64(of_value(statement, NULL, true, true));
}

/* Names the place by a query that gives entry, message, version and seal, where it gives one. */
static bool look_for(Verification *v, OfStatement *statement, const char *what) {
    OfBroken found = {.what = what};

    of_spi_begin();
    if (of_run_as_owner(statement, NULL, true) > 0) {
        found.entry = of_result_id(0, 1);
        found.message = of_result_id(0, 2);
        found.version = (int32)of_result_id(0, 3);
        found.seal = of_result_id(0, 4);
    }
    of_spi_end();
    v->broken = found;
    return false;
}

/* Entries that the newest seal did not see: they may lack a seal. Before the first, all may. */
#define UNSEALED                                                                                   \
    "WITH s AS MATERIALIZED (SELECT coalesce(max(number), 0) AS number FROM onefin.seal),"         \
    " n AS MATERIALIZED (SELECT snapshot, base_id FROM onefin.seal, s"                             \
    " WHERE seal.number = s.number), unsealed AS ("                                                \
    " SELECT j.* FROM onefin.journal j, n WHERE j.id > n.base_id"                                  \
    " AND j.xact >= pg_snapshot_xmax(n.snapshot)"                                                  \
    " UNION ALL SELECT j.* FROM onefin.journal j, n WHERE j.id > n.base_id"                        \
    " AND j.xact IN (SELECT pg_snapshot_xip(n.snapshot))"                                          \
    " UNION ALL SELECT j.* FROM onefin.journal j WHERE NOT EXISTS (SELECT FROM n)) "

/* Entries that no seal names. Counting tells whether there are any; naming one is slow. */
static bool no_entry_added(Verification *v) {
    static OfStatement count = {"SELECT count(*) FROM onefin.journal", 0, {0}};
    static OfStatement unsealed = {UNSEALED "SELECT count(*) FROM unsealed", 0, {0}};
    static OfStatement find = {
        UNSEALED "SELECT id, NULL::bigint, NULL::bigint, NULL::bigint FROM onefin.journal j"
                 " WHERE NOT EXISTS (SELECT FROM (SELECT unnest(entries) AS id"
                 " FROM onefin.seal) e WHERE e.id = j.id)"
                 " AND NOT EXISTS (SELECT FROM unsealed u WHERE u.id = j.id)"
                 " ORDER BY id LIMIT 1",
        0,
        {0}};

    if (count_of(&count) == v->entries + count_of(&unsealed))
        return true;
    return look_for(v, &find, "the entry is in no seal");
}

/* Messages and versions that no entry tells of. */
static bool no_version_added(Verification *v) {
    static OfStatement messages = {"SELECT count(*) FROM onefin.message", 0, {0}};
    static OfStatement versions = {"SELECT count(*) FROM onefin.message_version", 0, {0}};
    static OfStatement unsealed = {
        UNSEALED "SELECT count(*) FROM unsealed WHERE record IS NOT NULL", 0, {0}};
    static OfStatement find = {
        "SELECT NULL::bigint, r.id, r.version::bigint, NULL::bigint FROM (SELECT id, version, "
        "count(*) AS rows"
        " FROM (SELECT id, version FROM onefin.message"
        " UNION ALL SELECT message_id, version FROM onefin.message_version) a GROUP BY 1, 2) r"
        " WHERE r.rows > 1 OR NOT EXISTS (SELECT FROM onefin.journal j WHERE j.record IS NOT NULL"
        " AND j.subject_id = r.id AND j.version = r.version) ORDER BY 2, 3 LIMIT 1",
        0,
        {0}};

    if (count_of(&messages) + count_of(&versions) ==
        of_messages_checked(v->messages) + count_of(&unsealed))
        return true;
    return look_for(v, &find, "the journal knows of no such version of a message");
}

/* Is the newest seal that this server has written there? A cut of the end shows nowhere else. */
static bool end_is_there(Verification *v) {
    static OfStatement find = {"SELECT FROM onefin.seal WHERE number = $1", 1, {INT8OID}};
    int64 number = of_last_seal().number;
    OfArgs args = {0};
    bool there = true;

    if (number == 0)
        return true;
    of_arg_id(&args, number);
    of_spi_begin();
    PushActiveSnapshot(GetLatestSnapshot()); /* the seal may be newer than the caller's */
    there = of_run_as_owner(&find, &args, true) > 0;
    PopActiveSnapshot();
    of_spi_end();
    return there || broken(v, number, 0, "the seal is missing");
}

/* Without its primary key a table may hold a row twice, and cannot be looked up in. */
static bool keys_are_there(Verification *v) {
    static OfStatement journal = {
        "SELECT id, NULL::bigint, NULL::bigint, NULL::bigint FROM onefin.journal"
        " GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 1",
        0,
        {0}};
    static OfStatement seal = {
        "SELECT NULL::bigint, NULL::bigint, NULL::bigint, number FROM onefin.seal"
        " GROUP BY number HAVING count(*) > 1 ORDER BY number LIMIT 1",
        0,
        {0}};
    static OfStatement message = {
        "SELECT NULL::bigint, id, max(version)::bigint, NULL::bigint FROM onefin.message"
        " GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 1",
        0,
        {0}};
    static OfStatement version = {
        "SELECT NULL::bigint, message_id, version::bigint, NULL::bigint FROM onefin.message_version"
        " GROUP BY 2, 3 HAVING count(*) > 1 ORDER BY 2, 3 LIMIT 1",
        0,
        {0}};
    static const struct {
        const char *key;
        OfStatement *doubles;
        const char *what;
    } tables[] = {
        {"journal_pkey", &journal, "without its primary key, onefin.journal may double an entry"},
        {"seal_pkey", &seal, "without its primary key, onefin.seal may double a seal"},
        {"message_pkey", &message, "without its primary key, onefin.message may double a message"},
        {"message_version_pkey", &version,
         "without its primary key, onefin.message_version may double a version"}};

    for (size_t i = 0; i < lengthof(tables); i++)
        if (!of_relation_exists(tables[i].key))
            return look_for(v, tables[i].doubles, tables[i].what);
    return true;
}

static void read_hash_before(Verification *v, int64 from) {
    static OfStatement read = {"SELECT hash FROM onefin.seal WHERE number = $1", 1, {INT8OID}};
    OfArgs args = {0};
    bool isnull;

    if (from <= 1)
        return;
    of_arg(&args, Int64GetDatum(from - 1), false);
    of_spi_begin();
    if (of_run_as_owner(&read, &args, true) != 1)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no seal %lld", (long long)from - 1),
                        errhint("Seals are numbered from 1 to the position.")));
    of_hash_from_bytea(of_result(0, 1, &isnull), &v->hash);
    of_spi_end();
    v->last = from - 1;
}

static void verify_range(Verification *v, int64 from, int64 to) {
    static const char *const names[OF_ENTRY_NCOLUMNS] = OF_ENTRY_NAMES;

    if (!keys_are_there(v))
        return;
    v->memory = AllocSetContextCreate(CurrentMemoryContext, "onefin seal", ALLOCSET_DEFAULT_SIZES);
    initStringInfo(&v->scratch);
    of_lookup_open(&v->journal, "journal", "journal_pkey", GetActiveSnapshot());
    of_row_empty(&v->row, RelationGetDescr(v->journal.table), names, OF_ENTRY_NCOLUMNS);
    v->messages = of_messages_open(GetActiveSnapshot());
    read_hash_before(v, from);
    while (verify_some(v, to))
        ;
    if (v->broken.what == NULL && to == PG_INT64_MAX && end_is_there(v) && from <= 1 &&
        no_entry_added(v))
        (void)no_version_added(v);
    of_messages_close(v->messages);
    of_lookup_close(&v->journal);
}

static void add_broken(JsonbParseState **json, const OfBroken *broken) {
    if (broken->what == NULL) {
        of_json_string(json, "broken", NULL);
        return;
    }
    of_json_key(json, "broken");
    of_json_begin(json);
    of_json_id(json, "seal", broken->seal);
    of_json_id(json, "entry", broken->entry);
    of_json_id(json, "message", broken->message);
    of_json_id(json, "version", broken->version);
    of_json_string(json, "what", broken->what);
    pushJsonbValue(json, WJB_END_OBJECT, NULL);
}

static Jsonb *verdict(const Verification *v) {
    JsonbParseState *json = NULL;
    char hash[2 * OF_HASH_BYTES + 1];

    sodium_bin2hex(hash, sizeof(hash), v->hash.bytes, OF_HASH_BYTES);
    of_json_begin(&json);
    of_json_bool(&json, "ok", v->broken.what == NULL);
    of_json_number(&json, "seals", v->seals);
    of_json_number(&json, "entries", v->entries);
    of_json_string(&json, "hash", hash);
    add_broken(&json, &v->broken);
    return of_json_end(&json);
}

/*
 * onefin.journal_verify(from, to): seals from..to, by default all. Who may call it is a matter of
 * grants. Errors: no_data_found when there is no seal before from.
 */
PG_FUNCTION_INFO_V1(onefin_journal_verify);
Datum onefin_journal_verify(PG_FUNCTION_ARGS) {
    Verification v = {0};

    verify_range(&v, PG_ARGISNULL(0) ? 1 : PG_GETARG_INT64(0),
                 PG_ARGISNULL(1) ? PG_INT64_MAX : PG_GETARG_INT64(1));
    PG_RETURN_JSONB_P(verdict(&v));
}
