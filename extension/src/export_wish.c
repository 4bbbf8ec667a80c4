/*
 * export_wish.c: what is to be exported, as somebody gave it, and as the journal keeps it.
 *
 * The gateway's parameters are those of a URL, so that numbers may come as strings. In the journal
 * a wish has its range fixed; a later page reads it from there.
 */
#include "postgres.h"

#include "export.h"

#include "fmgr.h"
#include "json.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

void of_export_refuse(const char *name, const char *what, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("parameter \"%s\" %s", name, what), errhint("%s", hint)));
}

OfExportFormat of_export_format(const char *name) {
    for (int format = 0; format < OF_EXPORT_NFORMATS; format++)
        if (strcmp(name, of_export_format_name(format)) == 0)
            return format;
    of_export_refuse("format", "is no format of exports", "There are csv and jsonl.");
    pg_unreachable();
}

const OfExportWish of_export_everything = {
    .format = OF_EXPORT_NFORMATS, .from = 1, .since = DT_NOBEGIN, .until = DT_NOEND};

/* Seals and everything else are numbered from 1. */
int64 of_export_id(const char *name, int64 id) {
    if (id < 1)
        of_export_refuse(name, "is below 1", "Seals, accounts and companies are numbered from 1.");
    return id;
}

void of_export_check(const OfExportWish *wish) {
    const char *star = wish->kind ? strchr(wish->kind, '*') : NULL;

    if (wish->format == OF_EXPORT_NFORMATS)
        of_export_refuse("format", "is missing", "There are csv and jsonl.");
    if (wish->to && wish->to < wish->from)
        of_export_refuse("to", "is before \"from\"", "Give the last seal wanted, or leave it out.");
    if (star && star[1])
        of_export_refuse("kind", "has a * that is not at its end",
                         "Give a kind, or how it begins with a * behind: message.*");
}

static void add_time(JsonbParseState **json, const char *name, TimestampTz time) {
    if (!TIMESTAMP_NOT_FINITE(time))
        of_json_string(json, name, of_export_time(time));
}

static void add_filter(JsonbParseState **json, const OfExportWish *wish) {
    add_time(json, "since", wish->since);
    add_time(json, "until", wish->until);
    if (wish->actor)
        of_json_number(json, "actor", wish->actor);
    if (wish->org)
        of_json_number(json, "org", wish->org);
    if (wish->kind)
        of_json_string(json, "kind", wish->kind);
}

char *of_export_filter(const OfExportWish *wish) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    add_filter(&json, wish);
    return JsonbToCString(NULL, &of_json_end(&json)->root, 0);
}

static int64 id_of(const char *name, const char *text) {
    return of_export_id(name, DatumGetInt64(DirectFunctionCall1(int8in, CStringGetDatum(text))));
}

static TimestampTz time_of(const char *text) {
    return DatumGetTimestampTz(DirectFunctionCall3(
        timestamptz_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static void take_param(OfExportWish *wish, const char *name, char *value) {
    if (strcmp(name, "from") == 0)
        wish->from = id_of(name, value);
    else if (strcmp(name, "to") == 0)
        wish->to = id_of(name, value);
    else if (strcmp(name, "since") == 0)
        wish->since = time_of(value);
    else if (strcmp(name, "until") == 0)
        wish->until = time_of(value);
    else if (strcmp(name, "actor") == 0)
        wish->actor = id_of(name, value);
    else if (strcmp(name, "org") == 0)
        wish->org = id_of(name, value);
    else if (strcmp(name, "kind") == 0)
        wish->kind = value;
    else if (strcmp(name, "format") == 0)
        wish->format = of_export_format(value);
    else
        of_export_refuse(name, "is none of an export's",
                         "There are from, to, since, until, actor, org and kind.");
}

/* Strings and numbers alike: a URL has only strings. */
static char *value_text(const char *name, const JsonbValue *value) {
    if (value->type == jbvNumeric)
        return DatumGetCString(
            DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
    if (value->type != jbvString)
        of_export_refuse(name, "is neither a string nor a number", "Give it as in a URL.");
    return pnstrdup(value->val.string.val, value->val.string.len);
}

void of_export_read(OfExportWish *wish, Jsonb *params) {
    JsonbIterator *iterator = JsonbIteratorInit(&params->root);
    JsonbIteratorToken token;
    JsonbValue value;
    char *name = NULL;

    if (!JB_ROOT_IS_OBJECT(params))
        of_export_refuse("params", "is no object", "Parameters are given by name.");
    while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE) {
        if (token == WJB_KEY)
            name = pnstrdup(value.val.string.val, value.val.string.len);
        else if (token == WJB_VALUE && value.type != jbvNull)
            take_param(wish, name, value_text(name, &value));
    }
}

static bool kind_matches(const char *wanted, const char *kind) {
    size_t length = strlen(wanted);

    if (length > 0 && wanted[length - 1] == '*')
        return strncmp(kind, wanted, length - 1) == 0;
    return strcmp(kind, wanted) == 0;
}

static bool id_matches(int64 wanted, const OfSealedEntry *entry, OfEntryColumn column) {
    return wanted == 0 || (!entry->nulls[column] && DatumGetInt64(entry->values[column]) == wanted);
}

bool of_export_wants(const OfExportWish *wish, const OfSealedEntry *entry) {
    TimestampTz at = DatumGetTimestampTz(entry->values[OF_ENTRY_AT]);

    return at >= wish->since && (at < wish->until || TIMESTAMP_IS_NOEND(wish->until)) &&
           id_matches(wish->actor, entry, OF_ENTRY_ACTOR) &&
           id_matches(wish->org, entry, OF_ENTRY_ORG) &&
           (wish->kind == NULL ||
            kind_matches(wish->kind, TextDatumGetCString(entry->values[OF_ENTRY_KIND])));
}

/* The wish with its range fixed, as the journal keeps it and of_export_read() takes it. */
Jsonb *of_export_json(const OfExportWish *wish, const OfExportSum *sum) {
    JsonbParseState *json = NULL;

    of_json_begin(&json);
    of_json_string(&json, "format", of_export_format_name(wish->format));
    of_json_number(&json, "from", sum->from);
    of_json_number(&json, "to", sum->to);
    add_filter(&json, wish);
    return of_json_end(&json);
}
