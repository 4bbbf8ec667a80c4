/*
 * export.c: the journal as lines that prove themselves, for admins.
 *
 * onefin.journal_export() gives people with SQL all lines in one statement. The gateway comes for
 * pages: export_begin() fixes the range, journals the export and gives the first page,
 * export_next() one after the other. What a page shows is read from the export's own entry in the
 * journal, so nothing is handed out that was not journaled before; and the records do not change,
 * so that pages of several transactions make one export.
 *
 * A filter leaves entries out, but not their digests: an extract proves itself as the whole does.
 */
#include "postgres.h"

#include "export.h"

#include "call.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "follow.h"
#include "funcapi.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "miscadmin.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* A page has so many bytes, and the rest of the record that reaches it. */
#define PAGE_BYTES (256 * 1024)

typedef struct Export Export;

struct Export {
    OfExportWish wish;
    OfExportSum sum;
    int64 done;    /* the last seal that is written whole */
    int64 index;   /* entries written of the next */
    bool complete; /* so is the end */
    OfEntries entries;
    MemoryContext memory; /* for one entry */
    OfWithheld withheld;  /* not written yet */
    StringInfoData digest_bytes;
    StringInfoData line;
    void (*put)(Export *export); /* takes the line */
    bool (*full)(Export *export);
    StringInfoData page;
    ReturnSetInfo *result;
};

/* Whoever onefin.journal_export() is granted to has the pages too; superusers need no account. */
static void require_right(void) {
    static const char *const granted = "onefin.journal_export";

    if (!superuser())
        of_require_granted(
            DatumGetObjectId(DirectFunctionCall1(regprocin, CStringGetDatum(granted))));
}

/* Up to which seal it goes, and the hashes before and behind. */
static OfHash hash_of(int64 seal) {
    static OfStatement read = {"SELECT hash FROM onefin.seal WHERE number = $1", 1, {INT8OID}};
    OfArgs args = {0};
    OfHash hash = {{0}};
    bool isnull;

    if (seal == 0)
        return hash;
    of_arg(&args, Int64GetDatum(seal), false);
    of_spi_begin();
    if (of_run_as_owner(&read, &args, true) != 1)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no seal %lld", (long long)seal),
                        errhint("Seals are numbered from 1 to the position.")));
    of_hash_from_bytea(of_result(0, 1, &isnull), &hash);
    of_spi_end();
    return hash;
}

static void fix_range(Export *export) {
    int64 newest = of_position();
    OfExportSum *sum = &export->sum;

    sum->from = export->wish.from;
    sum->to = export->wish.to && export->wish.to < newest ? export->wish.to : newest;
    sum->before = hash_of(sum->from - 1);
    sum->hash = hash_of(sum->to);
    export->done = sum->from - 1;
}

/* Returns the entry's id. */
static int64 write_into_journal(const Export *export) {
    return of_journal(&(OfEntry){.kind = "journal.exported",
                                 .audience = OF_TO_ADMIN,
                                 .detail = of_export_json(&export->wish, &export->sum)});
}

/* ---- writing ---- */

static void put(Export *export) {
    export->put(export);
    resetStringInfo(&export->line);
}

static void put_withheld(Export *export, const OfSeal *seal) {
    if (export->withheld.n == 0)
        return;
    of_export_withheld(&export->line, export->wish.format, seal, &export->withheld);
    put(export);
    export->withheld.n = 0;
}

static void withhold(Export *export, const OfSeal *seal, int index, const OfSealedEntry *entry) {
    OfWithheld *withheld = &export->withheld;
    const uint8 *check = of_seal_check(seal, index);

    if (withheld->n == 0)
        withheld->first = index;
    of_entry_digest(entry->values, entry->nulls, &export->digest_bytes,
                    &withheld->digests[withheld->n]);
    if (check)
        memcpy(withheld->checks[withheld->n], check, OF_CHECK_BYTES);
    else
        memset(withheld->checks[withheld->n], 0, OF_CHECK_BYTES);
    if (++withheld->n == OF_EXPORT_RUN)
        put_withheld(export, seal);
}

static void write_entry(Export *export, const OfSeal *seal, int index) {
    OfSealedEntry entry;

    if (!of_entries_read(&export->entries, seal->ids[index], &entry)) {
        put_withheld(export, seal);
        of_export_missing(&export->line, export->wish.format, seal, index);
        put(export);
    } else if (of_export_wants(&export->wish, &entry)) {
        put_withheld(export, seal);
        of_export_entry(&export->line, export->wish.format, seal, index, &entry);
        put(export);
        export->sum.shown++;
    } else
        withhold(export, seal, index, &entry);
}

/* A page ends between two lines, and not before entries that will be withheld in one. */
static bool is_full(Export *export) {
    return export->withheld.n == 0 && export->full(export);
}

/* Writes a seal with its entries; false when the page is full. */
static bool write_seal(void *owner, const OfSeal *seal) {
    Export *export = owner;
    MemoryContext before = MemoryContextSwitchTo(export->memory);

    for (; export->index < seal->n && !is_full(export); export->index++) {
        CHECK_FOR_INTERRUPTS();
        write_entry(export, seal, (int)export->index);
        MemoryContextReset(export->memory);
    }
    if (export->index == seal->n) {
        put_withheld(export, seal);
        of_export_seal(&export->line, export->wish.format, seal);
        put(export);
        export->sum.seals++;
        export->sum.entries += seal->n;
        export->done = seal->head.number;
        export->index = 0;
        MemoryContextReset(export->memory);
    }
    MemoryContextSwitchTo(before);
    return !is_full(export);
}

static void write_beginning(Export *export) {
    if (export->wish.format == OF_EXPORT_CSV) {
        of_export_header(&export->line);
        put(export);
    }
    of_export_begin(&export->line, export->wish.format, &export->sum,
                    of_export_filter(&export->wish));
    put(export);
}

/* Goes on to the end, or until the page is full. */
static void write_rest(Export *export) {
    of_entries_open(&export->entries, GetActiveSnapshot());
    of_seals_visit(export->done, export->sum.to, write_seal, export);
    of_entries_close(&export->entries);
    if (export->index > 0 || is_full(export))
        return;
    of_export_end(&export->line, export->wish.format, &export->sum);
    put(export);
    export->complete = true;
}

static Export *make(void) {
    Export *export = palloc0(sizeof(Export));

    export->wish = of_export_everything;
    export->memory =
        AllocSetContextCreate(CurrentMemoryContext, "onefin entry", ALLOCSET_DEFAULT_SIZES);
    initStringInfo(&export->digest_bytes);
    initStringInfo(&export->line);
    return export;
}

/* ---- all at once ---- */

static void put_row(Export *export) {
    Datum value = PointerGetDatum(cstring_to_text_with_len(export->line.data, export->line.len));
    bool isnull = false;

    tuplestore_putvalues(export->result->setResult, export->result->setDesc, &value, &isnull);
    pfree(DatumGetPointer(value));
}

static bool never_full(Export *export) {
    return false;
}

static void id_argument(int64 *id, const char *name, FunctionCallInfo fcinfo, int n) {
    if (!PG_ARGISNULL(n))
        *id = of_export_id(name, PG_GETARG_INT64(n));
}

static void read_arguments(OfExportWish *wish, FunctionCallInfo fcinfo) {
    if (!PG_ARGISNULL(0))
        wish->format = of_export_format(text_to_cstring(PG_GETARG_TEXT_PP(0)));
    id_argument(&wish->from, "from", fcinfo, 1);
    id_argument(&wish->to, "to", fcinfo, 2);
    if (!PG_ARGISNULL(3))
        wish->since = PG_GETARG_TIMESTAMPTZ(3);
    if (!PG_ARGISNULL(4))
        wish->until = PG_GETARG_TIMESTAMPTZ(4);
    id_argument(&wish->actor, "actor", fcinfo, 5);
    id_argument(&wish->org, "org", fcinfo, 6);
    if (!PG_ARGISNULL(7))
        wish->kind = text_to_cstring(PG_GETARG_TEXT_PP(7));
}

/* onefin.journal_export(format, from, to, since, until, actor, org, kind) */
PG_FUNCTION_INFO_V1(onefin_journal_export);
Datum onefin_journal_export(PG_FUNCTION_ARGS) {
    Export *export;

    require_right();
    InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
    export = make();
    export->put = put_row;
    export->full = never_full;
    export->result = (ReturnSetInfo *)fcinfo->resultinfo;
    read_arguments(&export->wish, fcinfo);
    of_export_check(&export->wish);
    fix_range(export);
    (void)write_into_journal(export);
    write_beginning(export);
    write_rest(export);
    return (Datum)0;
}

/* ---- in pages ---- */

static void put_into_page(Export *export) {
    appendBinaryStringInfo(&export->page, export->line.data, export->line.len);
    appendStringInfoString(&export->page, export->wish.format == OF_EXPORT_CSV ? "\r\n" : "\n");
}

static bool page_is_full(Export *export) {
    return export->page.len >= PAGE_BYTES;
}

static Export *make_page(void) {
    Export *export = make();

    export->put = put_into_page;
    export->full = page_is_full;
    initStringInfo(&export->page);
    return export;
}

/* {lines, next}: next is what export_next() wants, NULL after the last page. */
static Datum page_json(const Export *export, int64 entry) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    of_json_string(&json, "lines", export->page.data);
    if (export->complete)
        of_json_string(&json, "next", NULL);
    else {
        of_json_key(&json, "next");
        of_json_begin(&json);
        of_json_number(&json, "export", entry);
        of_json_number(&json, "done", export->done);
        of_json_number(&json, "index", export->index);
        of_json_number(&json, "seals", export->sum.seals);
        of_json_number(&json, "entries", export->sum.entries);
        of_json_number(&json, "shown", export->sum.shown);
        pushJsonbValue(&json, WJB_END_OBJECT, NULL);
    }
    return JsonbPGetDatum(of_json_end(&json));
}

/* Arguments: token, params. */
static Datum begin_body(void *argument) {
    FunctionCallInfo fcinfo = argument;
    Export *export = make_page();
    int64 entry;

    require_right();
    if (!PG_ARGISNULL(1))
        of_export_read(&export->wish, PG_GETARG_JSONB_P(1));
    of_export_check(&export->wish);
    fix_range(export);
    entry = write_into_journal(export);
    write_beginning(export);
    write_rest(export);
    return page_json(export, entry);
}

/* Runs the body as the account of the token; the third argument is the address. */
static Jsonb *as_session(FunctionCallInfo fcinfo, OfBody body) {
    return of_call_as(PG_GETARG_TEXT_PP(0), PG_ARGISNULL(2) ? (Datum)0 : PG_GETARG_DATUM(2), body,
                      fcinfo);
}

PG_FUNCTION_INFO_V1(onefin_export_begin);
Datum onefin_export_begin(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0))
        PG_RETURN_JSONB_P(of_call_error(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
                                        "no session token", "Log in first.", NULL));
    PG_RETURN_JSONB_P(as_session(fcinfo, begin_body));
}

static int64 next_number(Jsonb *next, const char *name) {
    JsonbValue value;

    if (!getKeyJsonValueFromContainer(&next->root, name, strlen(name), &value) ||
        value.type != jbvNumeric)
        of_export_refuse("next", "is not what the page before gave", "Give it back as it was.");
    return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric)));
}

/* What the export's entry says was wished. The session that began it goes on, no other. */
static void recall_wish(OfExportWish *wish, int64 entry) {
    static OfStatement find = {"SELECT detail FROM onefin.journal WHERE id = $1 AND"
                               " kind = 'journal.exported' AND session_id = $2",
                               2,
                               {INT8OID, INT8OID}};
    OfArgs args = {0};
    Datum detail;

    of_arg(&args, Int64GetDatum(entry), false);
    of_arg_id(&args, of_actor()->session);
    detail = of_value(&find, &args, true, true);
    if (detail == (Datum)0)
        ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no such export of this session"),
                        errhint("Begin a new one.")));
    of_export_read(wish, DatumGetJsonbP(detail));
}

/* Arguments: token, next. */
static Datum next_body(void *argument) {
    FunctionCallInfo fcinfo = argument;
    Jsonb *next = PG_GETARG_JSONB_P(1);
    Export *export = make_page();
    int64 entry;

    require_right();
    if (!JB_ROOT_IS_OBJECT(next))
        of_export_refuse("next", "is not what the page before gave", "Give it back as it was.");
    entry = next_number(next, "export");
    recall_wish(&export->wish, entry);
    fix_range(export);
    export->done = next_number(next, "done");
    export->index = next_number(next, "index");
    export->sum.seals = next_number(next, "seals");
    export->sum.entries = next_number(next, "entries");
    export->sum.shown = next_number(next, "shown");
    write_rest(export);
    return page_json(export, entry);
}

PG_FUNCTION_INFO_V1(onefin_export_next);
Datum onefin_export_next(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        PG_RETURN_JSONB_P(of_call_error(ERRCODE_NULL_VALUE_NOT_ALLOWED,
                                        "a token and a position are needed",
                                        "Give what export_begin() gave.", NULL));
    PG_RETURN_JSONB_P(as_session(fcinfo, next_body));
}
