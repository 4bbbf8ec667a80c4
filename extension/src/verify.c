/*
 * verify.c: onefin.journal_verify, recomputing the sealed journal.
 *
 * The seals of a range are recomputed by verify_seals.c. When the whole journal is verified, also
 * the other way round is looked at: no entry, message or version is there that no seal knows of,
 * no seal is missing at the end, and closed payrolls are as their entries say. The first place that
 * does not match is named.
 *
 * Everything is read in one snapshot, the caller's. What is not sealed yet is told from what never
 * was by the newest seal's snapshot: only what that did not see may lack a seal.
 */
#include "postgres.h"

#include "verify.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "json.h"
#include "miscadmin.h"
#include "plan.h"
#include "row.h"
#include "seal.h"
#include "shared.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include <sodium.h>

static int64 count_of(OfStatement *statement) {
    return DatumGetInt64(of_value(statement, NULL, true, true));
}

/* Names the place by a query that gives entry, message, version and seal, where it gives one. */
static bool look_for(OfVerdict *v, OfStatement *statement, const char *what) {
    OfBroken found = {0};

    strlcpy(found.what, what, sizeof(found.what));
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

/* Entries that may lack a seal, since the newest did not see them; before the first, all. */
static void count_unsealed(int64 *entries, int64 *versions) {
    static OfStatement newest = {"SELECT snapshot, base_id FROM onefin.seal WHERE number ="
                                 " (SELECT max(number) FROM onefin.seal)",
                                 0,
                                 {0}};
    static OfStatement unseen = {
        "SELECT count(*), count(j.record) FROM " OF_UNSEALED, 2, {PG_SNAPSHOTOID, INT8OID}};
    static OfStatement all = {"SELECT count(*), count(record) FROM onefin.journal", 0, {0}};
    OfArgs args = {0};
    bool isnull;

    of_spi_begin();
    if (of_run_as_owner(&newest, NULL, true) == 1) {
        of_arg(&args, of_result(0, 1, &isnull), false);
        of_arg(&args, of_result(0, 2, &isnull), false);
        of_run_as_owner(&unseen, &args, true);
    } else
        of_run_as_owner(&all, NULL, true);
    *entries = of_result_id(0, 1);
    *versions = of_result_id(0, 2);
    of_spi_end();
}

/* Entries that no seal names, though the newest saw them. Naming one is slow; counting tells. */
static bool no_entry_added(OfVerdict *v, int64 unsealed) {
    static OfStatement count = {"SELECT count(*) FROM onefin.journal", 0, {0}};
    static OfStatement find = {
        "SELECT id, NULL::bigint, NULL::bigint, NULL::bigint FROM onefin.journal j"
        " WHERE NOT EXISTS (SELECT FROM (SELECT unnest(entries) AS id FROM onefin.seal) e"
        " WHERE e.id = j.id) AND NOT EXISTS (SELECT FROM onefin.seal s"
        " WHERE s.number = (SELECT max(number) FROM onefin.seal) AND j.id > s.base_id"
        " AND NOT pg_visible_in_snapshot(j.xact, s.snapshot)) ORDER BY id LIMIT 1",
        0,
        {0}};

    if (count_of(&count) == v->entries + unsealed)
        return true;
    return look_for(v, &find, "the entry is in no seal");
}

/* Messages and versions that no entry tells of. */
static bool no_version_added(OfVerdict *v, int64 unsealed) {
    static OfStatement count = {"SELECT (SELECT count(*) FROM onefin.message)"
                                " + (SELECT count(*) FROM onefin.message_version)",
                                0,
                                {0}};
    static OfStatement find = {
        "SELECT NULL::bigint, r.id, r.version::bigint, NULL::bigint FROM"
        " (SELECT id, version, count(*) AS rows FROM (SELECT id, version FROM onefin.message"
        " UNION ALL SELECT message_id, version FROM onefin.message_version) a GROUP BY 1, 2) r"
        " WHERE r.rows > 1 OR NOT EXISTS (SELECT FROM onefin.journal j WHERE j.record IS NOT NULL"
        " AND j.subject_id = r.id AND j.version = r.version) ORDER BY 2, 3 LIMIT 1",
        0,
        {0}};

    if (count_of(&count) == v->versions + unsealed)
        return true;
    return look_for(v, &find, "the journal knows of no such version of a message");
}

/* What a closed month pays is as its entry says, and each has one. */
static bool payrolls_hold(OfVerdict *v) {
    static OfStatement find = {
        "SELECT j.id, NULL::bigint, NULL::bigint, NULL::bigint"
        " FROM (SELECT id, digest, (detail ->> 'month')::date AS month FROM onefin.journal"
        " WHERE kind = 'payroll.closed') j FULL JOIN onefin.payroll p ON p.month = j.month"
        " WHERE (j.digest = onefin.payroll_digest(p.month)) IS NOT TRUE ORDER BY 1 LIMIT 1",
        0,
        {0}};
    bool hold;

    of_spi_begin();
    hold = of_run_as_owner(&find, NULL, true) == 0;
    of_spi_end();
    return hold || look_for(v, &find, "the payroll of a closed month is not as it was closed");
}

static bool nothing_was_added(OfVerdict *v) {
    int64 entries;
    int64 versions;

    count_unsealed(&entries, &versions);
    return no_entry_added(v, entries) && no_version_added(v, versions) && payrolls_hold(v);
}

/* Is the newest seal that this server has written there? A cut of the end shows nowhere else. */
static bool end_is_there(OfVerdict *v) {
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
    if (!there) {
        v->broken = (OfBroken){.seal = number};
        strlcpy(v->broken.what, "the seal is missing", sizeof(v->broken.what));
    }
    return there;
}

/* Without its primary key a table may hold a row twice, and cannot be looked up in. */
static bool keys_are_there(OfVerdict *v) {
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

/* The newest seal's number; 0 before the first. */
static int64 newest_seal(void) {
    static OfStatement read = {"SELECT coalesce(max(number), 0) FROM onefin.seal", 0, {0}};

    return count_of(&read);
}

/* Hexadecimal, of zeros for 0; NULL when there is no such seal. */
static char *hash_of(int64 number) {
    static OfStatement read = {
        "SELECT encode(hash, 'hex') FROM onefin.seal WHERE number = $1", 1, {INT8OID}};
    OfArgs args = {0};
    Datum hash;

    if (number == 0)
        return psprintf("%0*d", 2 * OF_HASH_BYTES, 0);
    of_arg_id(&args, number);
    hash = of_value(&read, &args, true, true);
    return hash ? TextDatumGetCString(hash) : NULL;
}

static void verify_range(int64 from, int64 to, OfVerdict *verdict) {
    if (!keys_are_there(verdict))
        return;
    if (from > 1 && hash_of(from - 1) == NULL)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no seal %lld", (long long)from - 1),
                        errhint("Seals are numbered from 1 to the position.")));
    of_verify_seals(from, Min(to, newest_seal()), verdict);
    if (of_is_broken(verdict) || to != PG_INT64_MAX || !end_is_there(verdict) || from > 1)
        return;
    (void)nothing_was_added(verdict);
}

static void add_broken(JsonbParseState **json, const OfVerdict *verdict) {
    const OfBroken *broken = &verdict->broken;

    if (!of_is_broken(verdict)) {
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

/* hash: of the last seal of the range; none where something is broken. */
static Jsonb *verdict_json(const OfVerdict *verdict, int64 last) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    of_json_bool(&json, "ok", !of_is_broken(verdict));
    of_json_number(&json, "seals", verdict->seals);
    of_json_number(&json, "entries", verdict->entries);
    of_json_string(&json, "hash", of_is_broken(verdict) ? NULL : hash_of(last));
    add_broken(&json, verdict);
    return of_json_end(&json);
}

/*
 * onefin.journal_verify(from, to): seals from..to, by default all. Superusers need no account.
 * Errors: no_data_found when there is no seal before from.
 */
PG_FUNCTION_INFO_V1(onefin_journal_verify);
Datum onefin_journal_verify(PG_FUNCTION_ARGS) {
    int64 from = PG_ARGISNULL(0) ? 1 : Max(PG_GETARG_INT64(0), 1);
    int64 to = PG_ARGISNULL(1) ? PG_INT64_MAX : PG_GETARG_INT64(1);
    OfVerdict verdict = {0};

    if (!superuser())
        of_require_granted(fcinfo->flinfo->fn_oid);
    verify_range(from, to, &verdict);
    PG_RETURN_JSONB_P(verdict_json(&verdict, from - 1 + verdict.seals));
}
