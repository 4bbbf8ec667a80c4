/*
 * call.c: onefin.call, the one way in for sessions.
 *
 * The token names the session and so the account; the account and its group role are taken on for
 * one method, run in a subtransaction, and given back on every exit. What a caller did wrong comes
 * back as an error object, complete as JSON-RPC wants it; nothing of it reaches the server's log.
 * What is not the caller's doing (cancelled, out of memory, shutting down, a bug of ours) is
 * raised.
 */
#include "postgres.h"

#include "call.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "errors.h"
#include "fmgr.h"
#include "json.h"
#include "method.h"
#include "miscadmin.h"
#include "plan.h"
#include "session.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* The JSON-RPC code for an SQLSTATE; OF_RPC_UNAVAILABLE for what passes by itself. */
int of_rpc_code(int sqlstate) {
    switch (sqlstate) {
    case ERRCODE_ONEFIN_STALE_VERSION:
        return OF_RPC_STALE;
    case ERRCODE_UNDEFINED_FUNCTION:
        return OF_RPC_METHOD_NOT_FOUND;
    case ERRCODE_INSUFFICIENT_PRIVILEGE:
        return OF_RPC_NOT_ALLOWED;
    case ERRCODE_NO_DATA_FOUND:
        return OF_RPC_NOT_FOUND;
    default:
        break;
    }
    switch (ERRCODE_TO_CATEGORY(sqlstate)) {
    case ERRCODE_DATA_EXCEPTION:
        return OF_RPC_INVALID_PARAMS;
    case ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION:
        return OF_RPC_NOT_LOGGED_IN;
    case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
    case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
        return OF_RPC_CONFLICT;
    case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
        return OF_RPC_LIMIT;
    case ERRCODE_TRANSACTION_ROLLBACK:
        return OF_RPC_UNAVAILABLE;
    default:
        return 0;
    }
}

/* {"error": {code, message, data: {sqlstate, hint, detail, retry_after}}}; retry_after, in seconds,
 * only where there is one. */
static Jsonb *error_json(int sqlstate, const char *message, const char *hint, const char *detail,
                         int retry_after) {
    JsonbParseState *state = NULL;

    of_json_begin(&state);
    of_json_key(&state, "error");
    of_json_begin(&state);
    of_json_number(&state, "code", of_rpc_code(sqlstate));
    of_json_string(&state, "message", message);
    of_json_key(&state, "data");
    of_json_begin(&state);
    of_json_string(&state, "sqlstate", unpack_sql_state(sqlstate));
    of_json_string(&state, "hint", hint);
    of_json_string(&state, "detail", detail);
    if (retry_after > 0)
        of_json_number(&state, "retry_after", retry_after);
    pushJsonbValue(&state, WJB_END_OBJECT, NULL);
    pushJsonbValue(&state, WJB_END_OBJECT, NULL);
    return of_json_end(&state);
}

Jsonb *of_call_error(int sqlstate, const char *message, const char *hint, const char *detail) {
    return error_json(sqlstate, message, hint, detail, 0);
}

/* The error of one who has to wait so many seconds. */
Jsonb *of_call_error_wait(int sqlstate, const char *message, const char *hint, int seconds) {
    return error_json(sqlstate, message, hint, NULL, seconds);
}

/* {"result": ...} */
Jsonb *of_call_result(Datum result) {
    JsonbParseState *state = NULL;

    of_json_begin(&state);
    of_json_value(&state, "result", result);
    return of_json_end(&state);
}

/* The next step after an error that names none: most come from PostgreSQL itself. */
static const char *hint_of(int sqlstate) {
    switch (of_rpc_code(sqlstate)) {
    case OF_RPC_NOT_ALLOWED:
        return "Your role may not do this; an admin or your supervisor may.";
    case OF_RPC_INVALID_PARAMS:
        return "Check the values against the method's description.";
    case OF_RPC_CONFLICT:
        return "Read the list again: it may be there already, or be in use.";
    default:
        return NULL;
    }
}

/* The call that runs. */
typedef struct Running {
    int sqlstate; /* a refusal whose doings stand; no message: none */
    const char *message;
    const char *hint;
    int retry_after; /* seconds, of the error that is about to be raised; 0: none */
    bool first;      /* the first attempt: another follows if it hoped in vain */
    bool hoped;
} Running;

static Running *running = NULL; /* NULL outside of calls */

/*
 * Answers the call that runs with an error, and keeps what it wrote: an error that is raised would
 * take back that a password was tried. Outside of a call it is raised. The strings are constants.
 */
void of_call_refuse(int sqlstate, const char *message, const char *hint) {
    if (running == NULL)
        ereport(ERROR, (errcode(sqlstate), errmsg("%s", message), errhint("%s", hint)));
    running->sqlstate = sqlstate;
    running->message = message;
    running->hint = hint;
}

/* What the call that runs raises next may be tried again after so many seconds. */
void of_call_retry_after(int seconds) {
    if (running)
        running->retry_after = seconds;
}

/*
 * Whether the body may leave a look aside, in the hope that it would find nothing: then, should the
 * body fail, it is run again from the start, and this says no.
 */
bool of_call_may_hope(void) {
    if (running == NULL || !running->first)
        return false;
    return running->hoped = true;
}

/* The error as the caller is told it; raised again when it is not the caller's to know. */
static Jsonb *answer_error(ErrorData *error, int retry_after) {
    Jsonb *answer;

    if (of_rpc_code(error->sqlerrcode) == 0)
        ReThrowError(error);
    answer = error_json(error->sqlerrcode, error->message,
                        error->hint ? error->hint : hint_of(error->sqlerrcode), error->detail,
                        retry_after);
    FreeErrorData(error);
    return answer;
}

/* Runs the body as the actor's group role, in a subtransaction; NULL and the error when it fails.
 */
static Jsonb *attempt(const OfActor *actor, OfBody body, void *argument, ErrorData **error) {
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    OfIdentity identity;
    Jsonb *volatile answer = NULL;

    BeginInternalSubTransaction(NULL);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        of_as_role(&identity, of_group_role(actor->role));
        answer = of_call_result(body(argument));
        if (running->message)
            answer = of_call_error(running->sqlstate, running->message, running->hint, NULL);
        of_restore(&identity);
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        *error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    return answer;
}

static Jsonb *run_as(OfActor *actor, OfBody body, void *argument) {
    OfActor *before = of_set_call_actor(actor);
    Running *running_before = running;
    Running this = {.first = true};
    Jsonb *volatile answer = NULL;

    running = &this;
    PG_TRY();
    {
        ErrorData *error = NULL;

        answer = attempt(actor, body, argument, &error);
        if (answer == NULL && this.hoped && of_rpc_code(error->sqlerrcode) != 0) {
            FreeErrorData(error);
            this = (Running){0};
            answer = attempt(actor, body, argument, &error);
        }
        if (answer == NULL)
            answer = answer_error(error, this.retry_after);
    }
    PG_FINALLY();
    {
        running = running_before;
        of_set_call_actor(before);
    }
    PG_END_TRY();
    return answer;
}

/*
 * Does something as the account of a session token. address: of the device, an inet, or 0.
 * Returns {"result"} or {"error"}; an unknown, ended or expired token gives 28000.
 */
Jsonb *of_call_as(text *token, Datum address, OfBody body, void *argument) {
    OfActor *actor = palloc0(sizeof(OfActor));

    if (!of_session_find(token, actor))
        return of_call_error(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
                             "the session is not valid", "It has ended or expired: log in again.",
                             NULL);
    actor->address = address;
    return run_as(actor, body, argument);
}

typedef struct Method {
    char *name;
    Jsonb *params;
} Method;

static Datum run_method(void *argument) {
    Method *method = argument;

    return of_method_run(method->name, method->params);
}

static Datum address_argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? (Datum)0 : PG_GETARG_DATUM(n);
}

PG_FUNCTION_INFO_V1(onefin_call);
Datum onefin_call(PG_FUNCTION_ARGS) {
    Method method;

    if (PG_ARGISNULL(0))
        PG_RETURN_JSONB_P(of_call_error(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
                                        "no session token", "Log in first.", NULL));
    if (PG_ARGISNULL(1))
        PG_RETURN_JSONB_P(of_call_error(ERRCODE_UNDEFINED_FUNCTION, "no method",
                                        "Name a function of schema onefin_api.", NULL));
    method.name = text_to_cstring(PG_GETARG_TEXT_PP(1));
    method.params = PG_ARGISNULL(2) ? of_json_empty() : PG_GETARG_JSONB_P(2);
    PG_RETURN_JSONB_P(
        of_call_as(PG_GETARG_TEXT_PP(0), address_argument(fcinfo, 3), run_method, &method));
}
