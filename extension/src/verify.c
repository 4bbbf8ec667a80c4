/*
 * verify.c: recomputing the sealed journal.
 *
 * For each seal: its number follows the one before, its entries are there, and their hash with the
 * previous hash is the one written. For each entry about a message's version: the text that is kept
 * has the digest that the entry names, none where it was deleted. It stops at the first that does
 * not match, and names it.
 */
#include "postgres.h"

#include "canon.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "miscadmin.h"
#include "plan.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include <sodium.h>

/* Seals read at a time. */
#define SEALS_PER_READ 100

typedef struct Verdict {
    int64 seals;
    int64 entries;
    OfHash hash;
    int64 broken_seal; /* 0: none */
    int64 broken_entry;
    const char *what;
} Verdict;

static bool broken(Verdict *verdict, int64 seal, int64 entry, const char *what) {
    verdict->broken_seal = seal;
    verdict->broken_entry = entry;
    verdict->what = what;
    return false;
}

/* The first entry of the seal whose message version has another text than it had. */
static int64 wrong_text(Datum entries) {
    static OfStatement find = {
        "SELECT j.id FROM onefin.journal j"
        " LEFT JOIN onefin.message m ON m.id = j.subject_id AND m.version = j.version"
        " LEFT JOIN onefin.message_version v ON v.message_id = j.subject_id AND v.version = "
        "j.version"
        " WHERE j.id = ANY ($1) AND j.kind LIKE 'message.%'"
        " AND j.digest IS DISTINCT FROM sha256(convert_to(coalesce(m.text, v.text), 'UTF8'))"
        " ORDER BY j.id LIMIT 1",
        1,
        {INT8ARRAYOID}};
    OfArgs args = {0};

    of_arg(&args, entries, false);
    return of_run_as_owner(&find, &args, true) == 0 ? 0 : of_result_id(0, 1);
}

static bool verify_seal(Verdict *verdict, int64 number, const OfHash *written, ArrayType *entries) {
    static OfStatement read = {"SELECT " OF_ENTRY_COLUMNS
                               " FROM unnest($1) WITH ORDINALITY e (id, place)"
                               " JOIN onefin.journal j ON j.id = e.id ORDER BY e.place",
                               1,
                               {INT8ARRAYOID}};
    pg_cryptohash_ctx *chain;
    OfArgs args = {0};
    uint64 n;
    int64 wrong;
    int wanted = ArrayGetNItems(ARR_NDIM(entries), ARR_DIMS(entries));
    int64 *ids = (int64 *)ARR_DATA_PTR(entries);

    of_spi_begin();
    of_arg(&args, PointerGetDatum(entries), false);
    n = of_run_as_owner(&read, &args, true);
    for (int i = 0; i < wanted; i++)
        if ((uint64)i >= n || of_result_id(i, 1) != ids[i]) {
            of_spi_end();
            return broken(verdict, number, ids[i], "the entry is missing");
        }
    chain = of_chain_begin(&verdict->hash, number);
    for (uint64 i = 0; i < n; i++)
        of_chain_entry(chain, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
    of_chain_end(chain, &verdict->hash);
    wrong = wrong_text(PointerGetDatum(entries));
    of_spi_end();

    if (memcmp(verdict->hash.bytes, written->bytes, sizeof(OfHash)) != 0)
        return broken(verdict, number, 0, "the hash of the seal does not match its entries");
    if (wrong)
        return broken(verdict, number, wrong,
                      "the text of the message is not the one that was sealed");
    verdict->seals++;
    verdict->entries += wanted;
    return true;
}

/* Reads the next seals after a number; false when something is broken or there are no more. */
static bool verify_some(Verdict *verdict, int64 *last, int64 to) {
    static OfStatement read = {
        "SELECT number, hash, entries FROM onefin.seal WHERE number > $1 AND number <= $2"
        " ORDER BY number LIMIT " CppAsString2(SEALS_PER_READ),
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};
    uint64 n;
    SPITupleTable *rows;
    bool fine = true;

    of_arg(&args, Int64GetDatum(*last), false);
    of_arg(&args, Int64GetDatum(to), false);
    of_spi_begin();
    n = of_run_as_owner(&read, &args, true);
    rows = SPI_tuptable;
    for (uint64 i = 0; fine && i < n; i++) {
        bool isnull;
        int64 number = DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull));
        Datum hash = SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull);
        Datum entries = SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &isnull);

        if (number != *last + 1)
            fine = broken(verdict, *last + 1, 0, "the seal is missing");
        else
            fine = verify_seal(verdict, number, (OfHash *)VARDATA_ANY(DatumGetByteaPP(hash)),
                               DatumGetArrayTypePCopy(entries));
        *last = number;
    }
    of_spi_end();
    return fine && n == SEALS_PER_READ;
}

static int64 read_hash_before(int64 from, OfHash *hash) {
    static OfStatement read = {"SELECT hash FROM onefin.seal WHERE number = $1", 1, {INT8OID}};
    OfArgs args = {0};
    bool isnull;

    memset(hash, 0, sizeof(*hash));
    if (from <= 1)
        return 0;
    of_arg(&args, Int64GetDatum(from - 1), false);
    of_spi_begin();
    if (of_run_as_owner(&read, &args, true) != 1)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no seal %lld", (long long)from - 1),
                        errhint("Seals are numbered from 1 to the position.")));
    memcpy(hash->bytes, VARDATA_ANY(DatumGetByteaPP(of_result(0, 1, &isnull))), sizeof(*hash));
    of_spi_end();
    return from - 1;
}

static Jsonb *verdict_json(const Verdict *verdict) {
    JsonbParseState *json = NULL;
    char hash[2 * sizeof(OfHash) + 1];

    sodium_bin2hex(hash, sizeof(hash), verdict->hash.bytes, sizeof(verdict->hash.bytes));
    of_json_begin(&json);
    of_json_bool(&json, "ok", verdict->broken_seal == 0);
    of_json_number(&json, "seals", verdict->seals);
    of_json_number(&json, "entries", verdict->entries);
    of_json_string(&json, "hash", hash);
    if (verdict->broken_seal) {
        of_json_key(&json, "broken");
        of_json_begin(&json);
        of_json_number(&json, "seal", verdict->broken_seal);
        of_json_id(&json, "entry", verdict->broken_entry);
        of_json_string(&json, "what", verdict->what);
        pushJsonbValue(&json, WJB_END_OBJECT, NULL);
    } else
        of_json_string(&json, "broken", NULL);
    return of_json_end(&json);
}

/*
 * onefin.journal_verify(from, to): seals from..to, by default all. Who may call it is a matter of
 * grants. Errors: no_data_found when there is no seal before from.
 */
PG_FUNCTION_INFO_V1(onefin_journal_verify);
Datum onefin_journal_verify(PG_FUNCTION_ARGS) {
    int64 from = PG_ARGISNULL(0) ? 1 : PG_GETARG_INT64(0);
    int64 to = PG_ARGISNULL(1) ? PG_INT64_MAX : PG_GETARG_INT64(1);
    Verdict verdict = {0};
    int64 last = read_hash_before(from, &verdict.hash);

    while (verify_some(&verdict, &last, to))
        CHECK_FOR_INTERRUPTS();
    PG_RETURN_JSONB_P(verdict_json(&verdict));
}
