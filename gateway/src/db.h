/*
 * db.h - calls to the database: a pool of connections for calls, and one of its own for logins.
 *
 * A login costs the database 60 ms of argon2 on purpose; in a lane of their own many of them at
 * once do not delay anybody's messages.
 *
 * Every answer is one JSON object, {"result": ...} or {"error": {code, message, data}}, also when
 * the database is away (-32007) or fails (-32603), so that callers have one kind of answer.
 */
#pragma once

#include <stdbool.h>

enum db_lane { DB_CALLS, DB_LOGINS, DB_LANES };

/* Owned by db.c; a caller keeps the pointer only to abandon the call. */
struct db_call;

/* What follows a call. Both are called from the loop, never from within db_call. */
struct db_answer {
    void (*sent)(void *owner); /* may be NULL: the call goes to the database now */
    void (*done)(void *owner, const char *json);
    void *owner;
};

/* Names of the statements, as db.c prepares them. */
#define DB_LOGIN      "login"      /* login, password, device, address */
#define DB_CALL       "call"       /* token, method, params, address */
#define DB_FILE_BEGIN "file_begin" /* token, topic, name, address, size */
/* token, document, key, topic, name, type, size, sha256, address, upload (NULL: POST /files) */
#define DB_FILE_END       "file_end"
#define DB_FILE_GET       "file_get"       /* token, document, variant, how, address */
#define DB_FILES_TO_ERASE "files_to_erase" /* limit, after (key) */
#define DB_FILE_ERASED    "file_erased"    /* key */

#define DB_UPLOAD_BEGIN  "upload_begin"  /* token, topic, name, length, address */
#define DB_UPLOAD_LOOK   "upload_look"   /* token, upload, address */
#define DB_UPLOAD_PART   "upload_part"   /* token, upload, offset, address */
#define DB_UPLOAD_ADD    "upload_add"    /* token, upload, offset, key, size, address */
#define DB_UPLOAD_FINISH "upload_finish" /* token, upload, address */
#define DB_UPLOAD_DROP   "upload_drop"   /* token, upload, address */

#define DB_JOBS_TAKE  "jobs_take"  /* gateway, max, accounts present, max of mails and webhooks */
#define DB_JOBS_KEEP  "jobs_keep"  /* gateway, jobs */
#define DB_JOB_DONE   "job_done"   /* job, attempt, result */
#define DB_JOB_FAILED "job_failed" /* job, attempt, reason, message, final */

#define DB_EXPORT_BEGIN "export_begin" /* token, params, address */
#define DB_EXPORT_NEXT  "export_next"  /* token, next, address */
#define DB_PAYROLL_CSV  "payroll_csv"  /* token, params, address */

#define DB_PRESENCE_TELL "presence_tell" /* gateway, came, went, ask */
#define DB_WATCHES_KEEP  "watches_keep"  /* connections */
#define DB_WATCHES_END   "watches_end"   /* connection */

#define DB_PARAMS_MAX 10

void db_start(void);

/* Runs a statement with text parameters (copied; NULL for null) when a connection of the lane is
 * free, in the order of calling. */
struct db_call *db_call(enum db_lane lane, const char *statement, int count,
                        const char *const *params, struct db_answer answer);

/* True while no call, or no login, could be made. */
bool db_is_away(void);

/* Nobody waits for the answer any more. A call that has not begun is not made: its client may have
 * repeated it elsewhere by now, and done the next thing. One that has may still be done. */
void db_abandon(struct db_call *call);

/* An error answer's JSON, for the caller to free. hint and sqlstate may be NULL. */
char *db_error(int code, const char *message, const char *sqlstate, const char *hint);

/* Closes all connections. Calls still waiting are dropped without an answer. */
void db_stop(void);
