/*
 * rating.c: what clients say of a round that a person closed.
 *
 * Each time is a row of its own, and the last holds: what was said first stays on the record. It
 * may change until the month of the first is paid.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "mb/pg_wchar.h"
#include "plan.h"
#include "ticket.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* Characters of a comment. */
#define COMMENT_LIMIT 2000

/* A round to be rated, and its rating so far; score is 0 where there is none. */
typedef struct Rated {
    int64 ticket;
    int64 org;
    int64 topic;
    int64 accountable;
    bool asked; /* a person closed it */
    int16 score;
    char *comment;
} Rated;

static bool find(int64 ticket, Rated *rated) {
    static OfStatement look = {
        "SELECT t.org_id, t.topic_id, t.accountable_id, coalesce(t.closed_how = 'person', false),"
        " r.score, r.comment"
        " FROM onefin.ticket t LEFT JOIN onefin.rating_now r ON r.ticket_id = t.id WHERE t.id = $1",
        1,
        {INT8OID}};
    MemoryContext context = CurrentMemoryContext;
    OfArgs args = {0};
    bool found;

    of_arg_id(&args, ticket);
    of_spi_begin();
    found = of_run_as_owner(&look, &args, false) == 1;
    if (found) {
        bool no_score;
        bool isnull;
        Datum score = of_result(0, 5, &no_score);
        char *comment = of_result_text(0, 6);

        *rated = (Rated){.ticket = ticket,
                         .org = of_result_id(0, 1),
                         .topic = of_result_id(0, 2),
                         .accountable = of_result_id(0, 3),
                         .asked = DatumGetBool(of_result(0, 4, &isnull)),
                         .score = no_score ? 0 : DatumGetInt16(score),
                         .comment = comment ? MemoryContextStrdup(context, comment) : NULL};
    }
    of_spi_end();
    return found;
}

static void refuse_unknown(int64 ticket) {
    ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no round %lld", (long long)ticket),
                    errhint("ratings lists those that you may rate.")));
}

static void insert(const Rated *rated, int64 account, int32 score, const char *comment) {
    static OfStatement statement = {
        "INSERT INTO onefin.rating (ticket_id, org_id, topic_id, accountable_id, account_id, score,"
        " comment, first_at) VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce((SELECT r.first_at FROM"
        " onefin.rating_now r WHERE r.ticket_id = $1), now()))",
        7,
        {INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT2OID, TEXTOID}};
    OfArgs args = {0};

    of_arg_id(&args, rated->ticket);
    of_arg_id(&args, rated->org);
    of_arg_id(&args, rated->topic);
    of_arg_id(&args, rated->accountable);
    of_arg_id(&args, account);
    of_arg(&args, Int16GetDatum((int16)score), false);
    of_arg_text(&args, comment);
    of_spi_begin();
    of_run_as_owner(&statement, &args, false);
    of_spi_end();
}

/* For the record: the score, not the comment, which is the client's text. */
static void tell(const Rated *before, int32 score) {
    JsonbParseState *detail = NULL;

    of_json_begin(&detail);
    of_json_number(&detail, "score", score);
    if (before->score)
        of_json_number(&detail, "previous", before->score);
    of_json_id(&detail, "accountable", before->accountable);
    of_journal(&(OfEntry){.kind = "rating.given",
                          .audience = OF_TO_ORG,
                          .org = before->org,
                          .topic = before->topic,
                          .subject = before->ticket,
                          .detail = of_json_end(&detail)});
}

static void check(const Rated *rated, int32 score, const char *comment) {
    if (score < 1 || score > 5)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("a score of %d does not exist", score), errhint("From 1 (bad) to 5 (very good).")));
    if (comment && pg_mbstrlen(comment) > COMMENT_LIMIT)
        ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
                        errmsg("the comment has more than %d characters", COMMENT_LIMIT)));
    if (!rated->asked)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("round %lld was not closed by a person", (long long)rated->ticket),
                        errhint("Rounds are rated once somebody has closed them.")));
}

static bool is_same(const Rated *rated, int32 score, const char *comment) {
    return rated->score == score && strcmp(rated->comment ? rated->comment : "", comment ? comment : "") == 0;
}

static Datum read_rating(int64 ticket) {
    static OfStatement read = {"SELECT body FROM onefin.rated_body WHERE id = $1", 1, {INT8OID}};
    JsonbParseState *json = NULL;
    OfArgs args = {0};

    of_arg_id(&args, ticket);
    of_json_begin(&json);
    of_json_value(&json, "rating", of_value(&read, &args, false, false));
    return JsonbPGetDatum(of_json_end(&json));
}

/*
 * onefin_api.rate(ticket, score, comment). The same again is harmless. Errors: P0002 for a round
 * that is not of the caller's company, 55000 where no person closed it or its month is paid, 22023
 * and 22001 for the values, 42501 for whom is no client.
 */
PG_FUNCTION_INFO_V1(onefin_api_rate);
Datum onefin_api_rate(PG_FUNCTION_ARGS) {
    int64 ticket = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    int32 score = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
    char *comment = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
    const OfActor *actor = of_require_actor();
    int64 account = actor->account;
    Rated rated;

    of_require_granted(fcinfo->flinfo->fn_oid);
    if (!find(ticket, &rated) || !of_sees_org(actor, rated.org))
        refuse_unknown(ticket);
    of_queue_up(rated.topic); /* one after the other */
    find(ticket, &rated);
    if (comment && comment[strspn(comment, " \t\r\n")] == '\0')
        comment = NULL;
    check(&rated, score, comment);
    if (!is_same(&rated, score, comment)) {
        insert(&rated, account, score, comment);
        tell(&rated, score);
    }
    return read_rating(ticket);
}
