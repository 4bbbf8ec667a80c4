/*
 * topic.c: a company's topics, and how far each person has read them.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "identity.h"
#include "journal.h"
#include "json.h"
#include "plan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

/* AFTER INSERT on onefin.org: one topic of each kind. */
PG_FUNCTION_INFO_V1(onefin_org_make_topics);
Datum onefin_org_make_topics(PG_FUNCTION_ARGS) {
    static OfStatement insert = {"INSERT INTO onefin.topic (org_id, kind_id) SELECT $1, id FROM "
                                 "onefin.topic_kind ORDER BY id",
                                 1,
                                 {INT8OID}};
    TriggerData *trigger = (TriggerData *)fcinfo->context;
    TupleDesc desc;
    OfArgs args = {0};
    bool isnull;

    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
        !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("onefin.org_make_topics is an AFTER INSERT trigger for each row")));
    desc = RelationGetDescr(trigger->tg_relation);
    of_arg(&args, SPI_getbinval(trigger->tg_trigtuple, desc, SPI_fnumber(desc, "id"), &isnull),
           false);
    of_spi_begin();
    of_run_as_owner(&insert, &args, false);
    of_spi_end();
    return PointerGetDatum(NULL);
}

/* Moves one of the actor's two marks of a topic forward. True when it moved. */
static bool move_mark(const OfActor *actor, int64 org, int64 topic, int64 message,
                      const char *visibility) {
    static OfStatement upsert = {
        "INSERT INTO onefin.read_mark AS r (account_id, topic_id, org_id, message_id, visibility, "
        "ghost)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_id, topic_id, visibility) DO UPDATE"
        " SET message_id = excluded.message_id, at = now(), ghost = excluded.ghost"
        " WHERE r.message_id < excluded.message_id RETURNING message_id",
        6,
        {INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID, BOOLOID}};
    OfArgs args = {0};

    of_arg_id(&args, actor->account);
    of_arg_id(&args, topic);
    of_arg_id(&args, org);
    of_arg_id(&args, message);
    of_arg_text(&args, visibility);
    of_arg(&args, BoolGetDatum(of_is_ghost(actor)), false);
    return of_run_as_owner(&upsert, &args, false) == 1;
}

/* Moves a mark, and tells those who see it. */
static void mark_read(const OfActor *actor, int64 org, int64 topic, int64 message, bool note) {
    const char *audience = note ? OF_TO_STAFF : OF_TO_ORG;

    if (move_mark(actor, org, topic, message, note ? "staff" : "all"))
        of_journal(&(OfEntry){.kind = "topic.read",
                              .audience = of_is_ghost(actor) ? OF_TO_ACCOUNT : audience,
                              .org = org,
                              .topic = topic,
                              .subject = message,
                              .account = actor->account});
}

/* Whether a message is a note. An error when the caller does not see it in this topic. */
static bool is_note(int64 topic, int64 message) {
    static OfStatement find = {
        "SELECT visibility = 'staff' FROM onefin.message WHERE id = $1 AND topic_id = $2",
        2,
        {INT8OID, INT8OID}};
    OfArgs args = {0};
    bool isnull;

    of_arg_id(&args, message);
    of_arg_id(&args, topic);
    if (of_run(&find, &args, false) == 0) /* under the caller's row-level security */
        ereport(ERROR,
                (errcode(ERRCODE_NO_DATA_FOUND),
                 errmsg("no message %lld in topic %lld", (long long)message, (long long)topic),
                 errhint("history lists those that you may see.")));
    return DatumGetBool(of_result(0, 1, &isnull));
}

/* The newest message before a note that everybody sees; 0 when there is none. */
static int64 public_before(int64 topic, int64 note) {
    static OfStatement find = {"SELECT id FROM onefin.message WHERE topic_id = $1 AND id < $2"
                               " AND visibility = 'all' ORDER BY id DESC LIMIT 1",
                               2,
                               {INT8OID, INT8OID}};
    OfArgs args = {0};

    of_arg_id(&args, topic);
    of_arg_id(&args, note);
    return of_run_as_owner(&find, &args, false) == 1 ? of_result_id(0, 1) : 0;
}

/*
 * Who has read a note has read what was said before it. That is two marks: a client is shown the
 * one on what everybody sees, and not that there is a note.
 */
PG_FUNCTION_INFO_V1(onefin_api_read);
Datum onefin_api_read(PG_FUNCTION_ARGS) {
    int64 topic = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
    int64 message = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);
    int64 org = of_require_topic(topic);
    const OfActor *actor = of_require_actor();
    JsonbParseState *json = NULL;
    int64 seen;
    bool note;

    of_spi_begin();
    note = is_note(topic, message);
    seen = note ? public_before(topic, message) : message;
    if (seen)
        mark_read(actor, org, topic, seen, false);
    if (note)
        mark_read(actor, org, topic, message, true);
    of_spi_end();
    of_json_begin(&json);
    of_json_id(&json, "topic", topic);
    of_json_id(&json, "message", message);
    PG_RETURN_JSONB_P(of_json_end(&json));
}
