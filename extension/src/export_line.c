/*
 * export_line.c: the records of an export, as lines of CSV or JSON.
 *
 * A record is made once, as a set of columns, and written in either format. JSON has the columns of
 * its kind of record, CSV all of them. extension/README.md describes them; onefin-verify reads
 * them.
 *
 * CSV is that of RFC 4180; NULL is nothing, an empty text is "". A spreadsheet takes a cell that
 * begins with one of = + - @ for a formula, and passes over blanks before them; whoever names a
 * client company could make it run one. Such a cell gets a ' in front, and one that begins with '
 * too, so that taking one ' away gives back what it was.
 */
#include "postgres.h"

#include "export.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

typedef enum Column {
    LINE, /* the kind of record */
    SEAL,
    INDEX,
    CHECK,
    ID, /* from here to DETAIL as in OfEntryColumn */
    DETAIL = ID + OF_ENTRY_DETAIL,
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
    NCOLUMNS
} Column;

static const char *const names[NCOLUMNS] = {
    "line",   "seal",     "index",   "check",       "id",      "xact",     "at",
    "actor",  "session",  "org",     "topic",       "subject", "account",  "version",
    "kind",   "audience", "db_user", "application", "address", "digest",   "record",
    "detail", "entries",  "digests", "cluster",     "base_id", "snapshot", "hash",
    "from",   "to",       "filter",  "seals",       "shown",   "before"};

/* What is known of a column in a record. A number is written bare in JSON. */
typedef enum Presence { ABSENT, EMPTY, TEXT, NUMBER } Presence;

typedef struct Record {
    Presence presence[NCOLUMNS];
    const char *cells[NCOLUMNS];
} Record;

const char *of_export_format_name(OfExportFormat format) {
    static const char *const formats[OF_EXPORT_NFORMATS] = {"csv", "jsonl"};

    return formats[format];
}

static void set_text(Record *record, Column column, const char *text) {
    record->presence[column] = text ? TEXT : EMPTY;
    record->cells[column] = text;
}

static void set_number(Record *record, Column column, int64 number) {
    record->presence[column] = NUMBER;
    record->cells[column] = psprintf("%lld", (long long)number);
}

static char *hex_of(const void *bytes, size_t size) {
    char *text = palloc(2 * size + 1);

    text[hex_encode(bytes, size, text)] = '\0';
    return text;
}

static void set_hash(Record *record, Column column, const OfHash *hash) {
    set_text(record, column, hex_of(hash->bytes, OF_HASH_BYTES));
}

char *of_export_time(TimestampTz time) {
    struct pg_tm tm;
    fsec_t fraction;
    char special[MAXDATELEN + 1];

    if (TIMESTAMP_NOT_FINITE(time)) {
        EncodeSpecialTimestamp(time, special);
        return pstrdup(special);
    }
    if (timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0)
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                        errmsg("a time in the journal is out of range")));
    return psprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year, tm.tm_mon, tm.tm_mday,
                    tm.tm_hour, tm.tm_min, tm.tm_sec, (int)fraction);
}

static bool is_risky(const char *text) {
    /* = + - @ once more, as East Asian spreadsheets take them, too: full-width. */
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                       "\xef\xbc\xa0"};

    if (*text != '\0' && strchr("=+-@\t\r\n'", *text) != NULL)
        return true;
    for (size_t i = 0; i < lengthof(wide); i++)
        if (strncmp(text, wide[i], 3) == 0)
            return true;
    return false;
}

void of_export_cell(StringInfo to, const char *text) {
    bool risky = is_risky(text);
    bool quoted = *text == '\0' || strpbrk(text, "\",\r\n") != NULL;

    if (quoted)
        appendStringInfoChar(to, '"');
    if (risky)
        appendStringInfoChar(to, '\'');
    for (const char *c = text; *c; c++) {
        if (*c == '"')
            appendStringInfoChar(to, '"');
        appendStringInfoChar(to, *c);
    }
    if (quoted)
        appendStringInfoChar(to, '"');
}

static void append_csv(StringInfo to, const Record *record) {
    for (int column = 0; column < NCOLUMNS; column++) {
        if (column > 0)
            appendStringInfoChar(to, ',');
        if (record->presence[column] >= TEXT)
            of_export_cell(to, record->cells[column]);
    }
}

static void append_json(StringInfo to, const Record *record) {
    char separator = '{';

    for (int column = 0; column < NCOLUMNS; column++) {
        if (record->presence[column] == ABSENT)
            continue;
        appendStringInfo(to, "%c\"%s\":", separator, names[column]);
        separator = ',';
        if (record->presence[column] == TEXT)
            escape_json(to, record->cells[column]);
        else
            appendStringInfoString(to, record->presence[column] == NUMBER ? record->cells[column]
                                                                          : "null");
    }
    appendStringInfoChar(to, '}');
}

static void append_record(StringInfo to, OfExportFormat format, const Record *record) {
    if (format == OF_EXPORT_CSV)
        append_csv(to, record);
    else
        append_json(to, record);
}

void of_export_header(StringInfo to) {
    for (int column = 0; column < NCOLUMNS; column++)
        appendStringInfo(to, "%s%s", column > 0 ? "," : "", names[column]);
}

/* No hash of the chain covers what the first line says: its check does, against accidents. */
static char *begin_check(const OfExportSum *sum, const char *filter) {
    StringInfoData bytes;
    OfHash hash;

    initStringInfo(&bytes);
    of_canon_int64(&bytes, sum->from);
    of_canon_int64(&bytes, sum->to);
    of_canon_text(&bytes, filter);
    of_canon_bytes(&bytes, sum->before.bytes, OF_HASH_BYTES);
    of_hash(bytes.data, bytes.len, &hash);
    return hex_of(hash.bytes, OF_CHECK_BYTES);
}

void of_export_begin(StringInfo to, OfExportFormat format, const OfExportSum *sum,
                     const char *filter) {
    Record record = {0};

    set_text(&record, LINE, "begin");
    set_text(&record, CHECK, begin_check(sum, filter));
    set_number(&record, FROM, sum->from);
    set_number(&record, TO, sum->to);
    set_text(&record, FILTER, filter);
    set_hash(&record, BEFORE, &sum->before);
    append_record(to, format, &record);
}

/* What every line of an entry has: where it is, and how the seal says that its digest begins. */
static void set_place(Record *record, const char *line, const OfSeal *seal, int index,
                      const uint8 *check) {
    set_text(record, LINE, line);
    set_number(record, SEAL, seal->head.number);
    set_number(record, INDEX, index);
    set_text(record, CHECK, check ? hex_of(check, OF_CHECK_BYTES) : NULL);
}

static char *bytea_hex(Datum value) {
    struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

    return hex_of(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

static void set_value(Record *record, OfEntryColumn column, Datum value) {
    Column to = ID + column;

    switch (column) {
    case OF_ENTRY_XACT:
        record->presence[to] = NUMBER;
        record->cells[to] = psprintf("%llu", (unsigned long long)DatumGetUInt64(value));
        break;
    case OF_ENTRY_AT:
        set_text(record, to, of_export_time(DatumGetTimestampTz(value)));
        break;
    case OF_ENTRY_VERSION:
        set_number(record, to, DatumGetInt32(value));
        break;
    case OF_ENTRY_KIND:
    case OF_ENTRY_AUDIENCE:
    case OF_ENTRY_DB_USER:
    case OF_ENTRY_APPLICATION:
        set_text(record, to, TextDatumGetCString(value));
        break;
    case OF_ENTRY_ADDRESS:
        set_text(record, to, DatumGetCString(DirectFunctionCall1(inet_out, value)));
        break;
    case OF_ENTRY_DIGEST:
    case OF_ENTRY_RECORD:
        set_text(record, to, bytea_hex(value));
        break;
    case OF_ENTRY_DETAIL:
        set_text(record, to, DatumGetCString(DirectFunctionCall1(jsonb_out, value)));
        break;
    default:
        set_number(record, to, DatumGetInt64(value));
    }
}

void of_export_entry(StringInfo to, OfExportFormat format, const OfSeal *seal, int index,
                     const OfSealedEntry *entry) {
    Record record = {0};

    set_place(&record, "entry", seal, index, of_seal_check(seal, index));
    for (int column = 0; column < OF_ENTRY_NCOLUMNS; column++) {
        if (entry->nulls[column])
            set_text(&record, ID + column, NULL);
        else
            set_value(&record, column, entry->values[column]);
    }
    append_record(to, format, &record);
}

/*
 * The check is the beginning of the SHA-256 of the digests, each beginning as the seal says: it
 * differs when an entry is not as it was sealed.
 */
void of_export_withheld(StringInfo to, OfExportFormat format, const OfSeal *seal,
                        const OfWithheld *withheld) {
    Size size = withheld->n * sizeof(OfHash);
    OfHash *sealed = palloc(size);
    Record record = {0};
    OfHash hash;

    memcpy(sealed, withheld->digests, size);
    for (int i = 0; i < withheld->n; i++)
        memcpy(sealed[i].bytes, withheld->checks[i], OF_CHECK_BYTES);
    of_hash(sealed, size, &hash);
    set_place(&record, "withheld", seal, withheld->first, hash.bytes);
    set_number(&record, ENTRIES, withheld->n);
    set_text(&record, DIGESTS, hex_of(withheld->digests, size));
    append_record(to, format, &record);
}

void of_export_missing(StringInfo to, OfExportFormat format, const OfSeal *seal, int index) {
    Record record = {0};

    set_place(&record, "missing", seal, index, of_seal_check(seal, index));
    set_number(&record, ID, seal->ids[index]);
    append_record(to, format, &record);
}

void of_export_seal(StringInfo to, OfExportFormat format, const OfSeal *seal) {
    const OfSealHead *head = &seal->head;
    Record record = {0};

    set_text(&record, LINE, "seal");
    set_number(&record, SEAL, head->number);
    set_text(&record, ID + OF_ENTRY_AT, of_export_time(head->at));
    set_number(&record, ENTRIES, seal->n);
    /* Beyond what JSON's readers take for a whole number: a text. */
    set_text(&record, CLUSTER, psprintf("%llu", (unsigned long long)head->cluster));
    set_number(&record, BASE_ID, head->base_id);
    set_text(&record, SNAPSHOT, head->snapshot);
    set_hash(&record, HASH, &seal->hash);
    append_record(to, format, &record);
}

void of_export_end(StringInfo to, OfExportFormat format, const OfExportSum *sum) {
    Record record = {0};

    set_text(&record, LINE, "end");
    set_number(&record, ENTRIES, sum->entries);
    set_hash(&record, HASH, &sum->hash);
    set_number(&record, FROM, sum->from);
    set_number(&record, TO, sum->to);
    set_number(&record, SEALS, sum->seals);
    set_number(&record, SHOWN, sum->shown);
    set_hash(&record, BEFORE, &sum->before);
    append_record(to, format, &record);
}
