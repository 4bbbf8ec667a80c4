/*
 * json.h: building small JSON objects.
 */
#ifndef ONEFIN_JSON_H
#define ONEFIN_JSON_H

#include "postgres.h"

#include "utils/jsonb.h"

extern void of_json_key(JsonbParseState **state, const char *key);
extern void of_json_begin(JsonbParseState **state);
extern void of_json_string(JsonbParseState **state, const char *key, const char *value);
extern void of_json_id(JsonbParseState **state, const char *key, int64 id); /* 0 is null */
extern void of_json_number(JsonbParseState **state, const char *key, int64 number);
extern void of_json_bool(JsonbParseState **state, const char *key, bool value);
extern void of_json_value(JsonbParseState **state, const char *key, Datum json);
extern void of_json_element(JsonbParseState **state, Datum json);
extern Jsonb *of_json_empty(void);
extern Jsonb *of_json_empty_array(void);
extern Jsonb *of_json_end(JsonbParseState **state);

#endif
