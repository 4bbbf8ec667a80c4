/*
 * store_key.c: keys of the store that belong to no document, yet or any more.
 *
 * A gateway stores bytes under keys that were reserved here, and a record of them takes the key
 * away from here. What is left when its time is over, nobody recorded: a gateway died, or a client
 * gave up. So leftovers are found without asking the store for a list, and what was erased goes the
 * same way.
 *
 * A key is marked before a gateway is told to remove its bytes, and cannot be recorded from then
 * on: nothing on record is ever removed.
 */
#include "postgres.h"

#include "store_key.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "identity.h"
#include "journal.h"
#include "plan.h"

Datum of_key_reserve(int64 document) {
    static OfStatement insert = {
        "INSERT INTO onefin.store_key (key, remove_at)"
        " SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY/MM/') || $1 || '-'"
        " || replace(gen_random_uuid()::text, '-', ''), now() + interval '1 s' * $2 RETURNING key",
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, document);
    of_arg(&args, Int64GetDatum(of_setting_number("upload_keep_seconds")), false);
    return of_value(&insert, &args, true, false);
}

PG_FUNCTION_INFO_V1(onefin_key_reserve);
Datum onefin_key_reserve(PG_FUNCTION_ARGS) {
    PG_RETURN_DATUM(of_key_reserve(PG_GETARG_INT64(0)));
}

bool of_key_record(Datum key) {
    static OfStatement delete = {
        "DELETE FROM onefin.store_key WHERE key = $1 AND NOT removing", 1, {TEXTOID}};
    OfArgs args = {0};
    bool reserved;

    of_arg(&args, key, false);
    of_spi_begin();
    reserved = of_run_as_owner(&delete, &args, false) == 1;
    of_spi_end();
    return reserved;
}

/* Uploads whose time is over, and with them their parts: the keys go by themselves. */
static void give_up_uploads(void) {
    static OfStatement delete = {
        "DELETE FROM onefin.upload WHERE at < now() - interval '1 s' * $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg(&args, Int64GetDatum(of_setting_number("upload_keep_seconds")), false);
    of_run_as_owner(&delete, &args, false);
}

/* onefin.files_to_erase(limit, after): keys whose bytes are to be removed from the store. */
PG_FUNCTION_INFO_V1(onefin_files_to_erase);
Datum onefin_files_to_erase(PG_FUNCTION_ARGS) {
    static OfStatement mark = {
        "WITH due AS (SELECT key FROM onefin.store_key WHERE remove_at <= now() AND key > $2"
        " ORDER BY key LIMIT $1 FOR UPDATE SKIP LOCKED),"
        " marked AS (UPDATE onefin.store_key k SET removing = true FROM due WHERE k.key = due.key"
        " RETURNING k.key) SELECT key FROM marked ORDER BY key",
        2,
        {INT4OID, TEXTOID}};
    OfArgs args = {0};

    InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC); /* one column is no row type */
    for (int i = 0; i < 2; i++)
        of_arg(&args, PG_GETARG_DATUM(i), PG_ARGISNULL(i));
    of_spi_begin();
    give_up_uploads();
    of_run_as_owner(&mark, &args, false);
    of_return_rows(fcinfo);
    of_spi_end();
    return (Datum)0;
}

/* Journals the end of an erased document, once nothing of it is left. In SPI. */
static void tell_if_last(int64 document) {
    static OfStatement update = {
        "UPDATE onefin.document d SET removed_at = now() WHERE id = $1 AND erased_at IS NOT NULL"
        " AND removed_at IS NULL"
        " AND NOT EXISTS (SELECT FROM onefin.store_key k WHERE k.document_id = $1)"
        " RETURNING org_id, topic_id, sha256",
        1,
        {INT8OID}};
    OfArgs args = {0};
    bool isnull;

    of_arg_id(&args, document);
    if (of_run_as_owner(&update, &args, false) == 1)
        of_journal(&(OfEntry){.kind = "document.erased",
                              .audience = OF_TO_ADMIN,
                              .org = of_result_id(0, 1),
                              .topic = of_result_id(0, 2),
                              .subject = document,
                              .digest = DatumGetByteaPP(of_result(0, 3, &isnull))});
}

/* onefin.file_erased(key): the store has no bytes under it any more. */
PG_FUNCTION_INFO_V1(onefin_file_erased);
Datum onefin_file_erased(PG_FUNCTION_ARGS) {
    static OfStatement hold = {
        "SELECT FROM onefin.document WHERE id ="
        " (SELECT document_id FROM onefin.store_key WHERE key = $1) FOR UPDATE",
        1,
        {TEXTOID}};
    static OfStatement delete = {
        "DELETE FROM onefin.store_key WHERE key = $1 AND removing RETURNING document_id",
        1,
        {TEXTOID}};
    OfArgs args = {0};

    of_arg(&args, PG_GETARG_DATUM(0), PG_ARGISNULL(0));
    of_spi_begin();
    of_run_as_owner(&hold, &args, false); /* of two that are told at once, one is the last */
    if (of_run_as_owner(&delete, &args, false) == 1 && of_result_id(0, 1))
        tell_if_last(of_result_id(0, 1));
    of_spi_end();
    PG_RETURN_VOID();
}
