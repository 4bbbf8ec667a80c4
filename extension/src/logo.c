/*
 * logo.c: the firm's logo, which is on the stamps. One is tried by the worker before it is used.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

/* Bytes of a logo. */
#define MOST 131072

/* Keeps the logo, and has it tried. */
static void keep(Datum image, Datum type) {
    static OfStatement insert = {
        "WITH made AS (INSERT INTO onefin.logo (account_id, type, image) VALUES ($1, $2,"
        " decode($3, 'base64')) RETURNING id),"
        " job AS (INSERT INTO onefin.job (kind, logo_id) SELECT 'logo', id FROM made)"
        " SELECT id FROM made",
        3,
        {INT8OID, TEXTOID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, of_require_actor()->account);
    of_arg(&args, type, false);
    of_arg(&args, image, false);
    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    of_journal(
        &(OfEntry){.kind = "logo.changed", .audience = OF_TO_ADMIN, .subject = of_result_id(0, 1)});
    of_spi_end();
}

static void check(Datum image, const char *type) {
    if (VARSIZE_ANY_EXHDR(image) > MOST / 3 * 4 + MOST / 32)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the logo is too large"),
                        errhint("A logo has %d bytes at most.", MOST)));
    if (strcmp(type, "image/png") != 0 && strcmp(type, "image/svg+xml") != 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("a logo is image/png or image/svg+xml")));
}

/* onefin_api.logo(image, type), for admins: with an image has that tried, and used if it is good.
 */
PG_FUNCTION_INFO_V1(onefin_api_logo);
Datum onefin_api_logo(PG_FUNCTION_ARGS) {
    static OfStatement read = {
        "SELECT jsonb_build_object('logo', (SELECT jsonb_build_object('id', l.id, 'at', l.at,"
        " 'state', l.state, 'message', (SELECT j.message FROM onefin.job j WHERE j.logo_id = l.id"
        " AND j.state = 'failed'), 'image', encode(l.png, 'base64')) FROM onefin.logo l"
        " ORDER BY l.id DESC LIMIT 1), 'current', (SELECT jsonb_build_object('id', l.id, 'at',"
        " l.at, 'image', encode(l.png, 'base64')) FROM onefin.logo l WHERE l.state = 'ready'"
        " ORDER BY l.id DESC LIMIT 1))",
        0,
        {0}};

    of_require_granted(fcinfo->flinfo->fn_oid);
    if (!PG_ARGISNULL(0)) {
        check(PG_GETARG_DATUM(0), PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1)));
        keep(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
    }
    PG_RETURN_DATUM(of_value(&read, NULL, false, false));
}
