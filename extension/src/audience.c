/*
 * audience.c: who is told of a company's events.
 *
 * Gateways ask it for a place in the order, since they are always behind, if by little: who was
 * assigned for a moment is told what was said in that moment, and nothing else. The answer is what
 * the tables say now with the changes since that place taken back, which the journal tells of with
 * each row as it was. onefin.access_change names the entries that count, so that it costs nothing
 * to see that there were none.
 */
#include "postgres.h"

#include "audience.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "follow.h"
#include "funcapi.h"
#include "plan.h"
#include "utils/builtins.h"

/* Notes that an entry of the journal may change who sees what. */
void of_access_note(int64 entry, const char *kind, Jsonb *detail) {
    static OfStatement insert = {
        "INSERT INTO onefin.access_change (entry_id, xact)"
        " SELECT $1, pg_current_xact_id() WHERE onefin.access_reach($2, $3) IS NOT NULL",
        3,
        {INT8OID, TEXTOID, JSONBOID}};
    OfArgs args = {0};

    of_arg_id(&args, entry);
    of_arg_text(&args, kind);
    of_arg(&args, PointerGetDatum(detail), false);
    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    of_spi_end();
}

/*
 * Changes that the last seal before this one did not see: an array of ids, 0 when there are none;
 * and that seal. Several seals of one batch have one snapshot. In SPI.
 */
static Datum changes_since(int64 seal, int64 *before) {
    static OfStatement find = {"SELECT b.number, b.snapshot FROM onefin.seal s, onefin.seal b"
                               " WHERE s.number = $1 AND b.number < $1"
                               " AND b.snapshot::text <> s.snapshot::text"
                               " ORDER BY b.number DESC LIMIT 1",
                               1,
                               {INT8OID}};
    static OfStatement all = {"SELECT array_agg(entry_id) FROM onefin.access_change", 0, {0}};
    /* Bounded above as well, or the planner takes it for a third of the table. */
    static OfStatement fresh = {
        "SELECT array_agg(entry_id) FROM (SELECT entry_id FROM onefin.access_change"
        " WHERE xact >= pg_snapshot_xmax($1) AND xact <= pg_snapshot_xmax(pg_current_snapshot())"
        " UNION ALL SELECT entry_id FROM onefin.access_change"
        " WHERE xact = ANY (ARRAY(SELECT pg_snapshot_xip($1)))) c",
        1,
        {PG_SNAPSHOTOID}};
    OfArgs place = {0};
    OfArgs snapshot = {0};
    bool isnull;
    Datum ids;

    of_arg(&place, Int64GetDatum(seal), false);
    *before = 0;
    if (of_run_as_owner(&find, &place, true) == 0)
        of_run_as_owner(&all, NULL, true);
    else {
        *before = of_result_id(0, 1);
        of_arg(&snapshot, of_result(0, 2, &isnull), false);
        of_run_as_owner(&fresh, &snapshot, true);
    }
    ids = of_result(0, 1, &isnull);
    return isnull ? (Datum)0 : ids;
}

/* Who may see the company now, into SPI_tuptable. */
static void read_now(int64 org) {
    static OfStatement read = {
        "SELECT account_id, role FROM onefin.org_access WHERE org_id = $1", 1, {INT8OID}};
    OfArgs args = {0};

    of_arg(&args, Int64GetDatum(org), false);
    of_run_as_owner(&read, &args, true);
}

/*
 * Who could see it at the place, into SPI_tuptable: before the changes from there on, those not
 * sealed yet being the last. Where the place is that of a change, it is both who saw the company
 * before that, and who sees it after.
 */
static void read_at(int64 org, int64 seal, int32 index, Datum changes, int64 before) {
    static OfStatement read = {
        "WITH change AS MATERIALIZED (SELECT c.id, s.number, s.index"
        " FROM unnest($4) c (id) LEFT JOIN (SELECT s.number, x.index - 1 AS index, x.id"
        " FROM onefin.seal s, unnest(s.entries) WITH ORDINALITY x (id, index)"
        " WHERE s.number > $5 AND s.number <= $6) s ON s.id = c.id),"
        " later AS MATERIALIZED (SELECT coalesce(array_agg(id ORDER BY number, index, id), '{}') "
        "AS ids"
        " FROM change WHERE number IS NULL OR (number, index) > ($2, $3)),"
        " here AS MATERIALIZED (SELECT id FROM change WHERE (number, index) = ($2, $3))"
        " SELECT a.account_id, a.role FROM later, onefin.org_access_before($1, later.ids) a"
        " UNION SELECT a.account_id, a.role FROM here, later,"
        " onefin.org_access_before($1, here.id || later.ids) a",
        6,
        {INT8OID, INT8OID, INT4OID, INT8ARRAYOID, INT8OID, INT8OID}};
    OfArgs args = {0};

    of_arg(&args, Int64GetDatum(org), false);
    of_arg(&args, Int64GetDatum(seal), false);
    of_arg(&args, Int32GetDatum(index), false);
    of_arg(&args, changes, false);
    of_arg(&args, Int64GetDatum(before), false);
    of_arg(&args, Int64GetDatum(of_position()), false);
    of_run_as_owner(&read, &args, true);
}

/* onefin.audience(org, seal, index): at a place in the order, or without one now. */
PG_FUNCTION_INFO_V1(onefin_audience);
Datum onefin_audience(PG_FUNCTION_ARGS) {
    int64 org = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    Datum changes = (Datum)0;
    int64 before = 0;

    InitMaterializedSRF(fcinfo, 0);
    of_spi_begin();
    if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
        changes = changes_since(PG_GETARG_INT64(1), &before);
    if (changes)
        read_at(org, PG_GETARG_INT64(1), PG_GETARG_INT32(2), changes, before);
    else
        read_now(org);
    of_return_rows(fcinfo);
    of_spi_end();
    return (Datum)0;
}
