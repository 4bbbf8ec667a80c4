/*
 * diff.c - the extension's word_diff, outside of a server.
 *
 * An input is two texts with a NUL between them. What is told as kept and removed has to be the
 * first of them, what is kept and added the second. diff.c is built as it is; of the server there
 * is here what it asks for: memory by malloc, so that AddressSanitizer sees the end of each piece,
 * and a JSON that is looked at instead of being made.
 */
#include "postgres.h"

#include "fmgr.h"
#include "json.h"
#include "miscadmin.h"

#include "../../gateway/src/utf8.h"

extern int LLVMFuzzerTestOneInput(const uint8 *bytes, size_t size);
extern Datum onefin_word_diff(PG_FUNCTION_ARGS);

/* Memory: what one call took, freed after it. */

#define CHUNKS_MAX 4096

static void *chunks[CHUNKS_MAX];
static int chunk_count;

void *palloc(Size size) {
    if (chunk_count == CHUNKS_MAX)
        abort();
    return chunks[chunk_count++] = malloc(size);
}

void *palloc0(Size size) {
    return memset(palloc(size), 0, size);
}

void pfree(void *chunk) {
    for (int i = 0; i < chunk_count; i++)
        if (chunks[i] == chunk)
            chunks[i] = NULL;
    free(chunk);
}

static void free_all(void) {
    while (chunk_count > 0)
        free(chunks[--chunk_count]);
}

struct varlena *pg_detoast_datum_packed(struct varlena *datum) {
    return datum;
}

volatile sig_atomic_t InterruptPending = false;

void ProcessInterrupts(void) {}

/* JSON: the changes, held against the texts. */

typedef struct Rest {
    const char *at;
    size_t size;
} Rest;

static Rest before, after;
static const char *op, *last_op;

static void take(Rest *rest, const char *text, size_t size) {
    if (size > rest->size || memcmp(rest->at, text, size) != 0)
        abort();
    rest->at += size;
    rest->size -= size;
}

void of_json_begin(JsonbParseState **state) {}

void of_json_string(JsonbParseState **state, const char *key, const char *value) {
    last_op = op;
    op = value;
}

void of_json_key(JsonbParseState **state, const char *key) {}

JsonbValue *pushJsonbValue(JsonbParseState **state, JsonbIteratorToken token, JsonbValue *value) {
    if (token != WJB_VALUE)
        return NULL;
    if (value->val.string.len <= 0 || (last_op && strcmp(op, last_op) == 0) ||
        (last_op && strcmp(op, "remove") == 0 && strcmp(last_op, "add") == 0))
        abort();
    if (strcmp(op, "add") != 0)
        take(&before, value->val.string.val, value->val.string.len);
    if (strcmp(op, "remove") != 0)
        take(&after, value->val.string.val, value->val.string.len);
    return NULL;
}

Jsonb *JsonbValueToJsonb(JsonbValue *value) {
    return NULL;
}

static Datum text_of(Rest part) {
    text *value = palloc(VARHDRSZ + part.size);

    SET_VARSIZE(value, VARHDRSZ + part.size);
    memcpy(VARDATA(value), part.at, part.size);
    return PointerGetDatum(value);
}

/* A server has only texts of its encoding. */
static bool is_utf8(Rest part) {
    struct utf8 utf8 = {0};

    return utf8_take(&utf8, part.at, part.size) && utf8_is_whole(&utf8);
}

int LLVMFuzzerTestOneInput(const uint8 *bytes, size_t size) {
    LOCAL_FCINFO(fcinfo, 2);
    const uint8 *end = memchr(bytes, 0, size);

    if (!end || memchr(end + 1, 0, bytes + size - end - 1))
        return -1;
    before = (Rest){(const char *)bytes, end - bytes};
    after = (Rest){(const char *)end + 1, bytes + size - end - 1};
    if (!is_utf8(before) || !is_utf8(after))
        return -1;
    op = last_op = NULL;
    InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
    fcinfo->args[0] = (NullableDatum){text_of(before), false};
    fcinfo->args[1] = (NullableDatum){text_of(after), false};
    onefin_word_diff(fcinfo);
    if (before.size > 0 || after.size > 0)
        abort();
    free_all();
    return 0;
}
