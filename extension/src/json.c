/*
 * json.c: building small JSON objects, a key at a time.
 *
 *   JsonbParseState *state = NULL;
 *   of_json_begin(&state);
 *   of_json_id(&state, "topic", topic);
 *   return of_json_end(&state);
 */
#include "postgres.h"

#include "json.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

static JsonbValue string_value(const char *string) {
    JsonbValue value = {.type = string ? jbvString : jbvNull};

    if (string) {
        value.val.string.val = unconstify(char *, string);
        value.val.string.len = strlen(string);
    }
    return value;
}

void of_json_key(JsonbParseState **state, const char *key) {
    JsonbValue value = string_value(key);

    pushJsonbValue(state, WJB_KEY, &value);
}

/* Begins an object. */
void of_json_begin(JsonbParseState **state) {
    pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
}

/* A string; NULL is null. */
void of_json_string(JsonbParseState **state, const char *key, const char *value) {
    JsonbValue string = string_value(value);

    of_json_key(state, key);
    pushJsonbValue(state, WJB_VALUE, &string);
}

void of_json_number(JsonbParseState **state, const char *key, int64 number) {
    JsonbValue value = {.type = jbvNumeric, .val.numeric = int64_to_numeric(number)};

    of_json_key(state, key);
    pushJsonbValue(state, WJB_VALUE, &value);
}

void of_json_id(JsonbParseState **state, const char *key, int64 id) {
    if (id)
        of_json_number(state, key, id);
    else
        of_json_string(state, key, NULL);
}

void of_json_bool(JsonbParseState **state, const char *key, bool value) {
    JsonbValue boolean = {.type = jbvBool, .val.boolean = value};

    of_json_key(state, key);
    pushJsonbValue(state, WJB_VALUE, &boolean);
}

/* A jsonb as the value of a key. */
void of_json_value(JsonbParseState **state, const char *key, Datum json) {
    JsonbValue value;

    JsonbToJsonbValue(DatumGetJsonbP(json), &value);
    of_json_key(state, key);
    pushJsonbValue(state, WJB_VALUE, &value);
}

/* A jsonb as an element of an array. */
void of_json_element(JsonbParseState **state, Datum json) {
    JsonbValue value;

    JsonbToJsonbValue(DatumGetJsonbP(json), &value);
    pushJsonbValue(state, WJB_ELEM, &value);
}

/* Ends the outermost object. */
Jsonb *of_json_end(JsonbParseState **state) {
    return JsonbValueToJsonb(pushJsonbValue(state, WJB_END_OBJECT, NULL));
}

/* {} */
Jsonb *of_json_empty(void) {
    JsonbParseState *state = NULL;

    of_json_begin(&state);
    return of_json_end(&state);
}

/* [] */
Jsonb *of_json_empty_array(void) {
    JsonbParseState *state = NULL;

    pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
    return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}
