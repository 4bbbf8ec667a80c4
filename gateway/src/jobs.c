/*
 * jobs.c - takes jobs from the database, has them done, and tells what became of them.
 *
 * A job that is taken is ours for a lease of 30 seconds (jobs_keep makes it longer); when we die,
 * another gateway takes it after that, with the next attempt's number. Whoever tells an older
 * attempt's end is told that it is not taken (false), and removes what it stored; so each job is
 * done once, as far as anybody can see.
 *
 * When the database goes away while it is told, nobody knows whether it heard. It is told again
 * until it answers, and a `false` then means nothing: it may be our own first word that made it so.
 * What was stored stays; if nobody recorded it, the database has it swept.
 *
 * Jobs are looked for when an event says that there is one, when the database said that one will be
 * due, and every BACKSTOP. A look follows the one before after PAUSE at least.
 */
#include "jobs.h"
#include "compat.h"
#include "config.h"
#include "db.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "presence.h"
#include "rpc_codes.h"

#include <ev.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#define START    3.0  /* seconds, for the connections, and to learn who is there */
#define PAUSE    0.1  /* seconds between looks */
#define LAZY     1.0  /* seconds, for what is not due at once anyway, or is not ours */
#define BACKSTOP 10.0 /* seconds */
#define KEEPING  10.0 /* seconds; a lease is three of them */
#define RETELL   2.0  /* seconds */
#define NOTICES  8    /* mails and webhooks at once */

struct job {
    LIST_ENTRY(job) all;
    const struct job_kind *kind;
    json_int_t id, attempt;
    json_t *order;  /* as the database gave it */
    void *run;      /* of the kind; NULL: it has ended */
    json_t *result; /* to be told; NULL: it failed, or is under way */
    char *reason, *message;
    bool final;
    bool uncertain; /* it was told, and nobody knows whether it was heard */
    struct db_call *call;
    ev_timer retelling;
};

static const struct job_kind *const kinds[JOB_KINDS] = {
    [JOB_STAMP] = &stamp_job, [JOB_PREVIEW] = &preview_job, [JOB_LOGO] = &logo_job,
    [JOB_MAIL] = &mail_job,   [JOB_WEBHOOK] = &webhook_job,
};

static struct {
    char name[17]; /* this gateway's, made anew at each start */
    LIST_HEAD(, job) all;
    unsigned count, notices; /* of all; of them mails and webhooks */
    struct db_call *taking, *keeping;
    ev_timer next, keeper;
    bool again; /* something was heard while taking */
} jobs;

static void look_in(double seconds);

/* The end of a job. */

static void count(const struct job *job, enum job_outcome outcome) {
    for (int i = 0; i < JOB_KINDS; i++) {
        if (kinds[i] == job->kind)
            metrics.jobs[i][outcome]++;
    }
}

static void job_free(struct job *job, bool refused) {
    LIST_REMOVE(job, all);
    metrics.jobs_running = --jobs.count;
    jobs.notices -= job->kind->is_notice;
    ev_timer_stop(EV_DEFAULT_ & job->retelling);
    if (job->call)
        db_abandon(job->call);
    if (job->run)
        job->kind->end(job->run, refused);
    json_decref(job->order);
    json_decref(job->result);
    free(job->reason);
    free(job->message);
    free(job);
}

static bool is_away(json_t *answer) {
    json_int_t code = 0;

    json_unpack(answer, "{s:{s:I}}", "error", "code", &code);
    return code == RPC_UNAVAILABLE;
}

static void on_told(void *owner, const char *json) {
    struct job *job = owner;
    json_t *answer = json_loads(json, 0, NULL);
    json_t *result = json_object_get(answer, "result");

    job->call = NULL;
    if (is_away(answer)) {
        job->uncertain = true;
        ev_timer_set(&job->retelling, RETELL, 0);
        ev_timer_start(EV_DEFAULT_ & job->retelling);
    } else {
        if (json_is_true(result))
            count(job, job->result ? JOB_DONE : job->final ? JOB_GIVEN_UP : JOB_FAILED);
        else
            count(job, JOB_REFUSED);
        job_free(job, json_is_false(result) && !job->uncertain);
        look_in(0);
    }
    json_decref(answer);
}

static void tell(struct job *job) {
    struct db_answer answer = {.done = on_told, .owner = job};
    char id[24], attempt[24];

    snprintf(id, sizeof id, "%" JSON_INTEGER_FORMAT, job->id);
    snprintf(attempt, sizeof attempt, "%" JSON_INTEGER_FORMAT, job->attempt);
    if (job->result) {
        char *result = json_dumps(job->result, JSON_COMPACT);

        job->call =
            db_call(DB_CALLS, DB_JOB_DONE, 3, (const char *[]){id, attempt, result}, answer);
        free(result);
    } else {
        job->call = db_call(
            DB_CALLS, DB_JOB_FAILED, 5,
            (const char *[]){id, attempt, job->reason, job->message, job->final ? "true" : "false"},
            answer);
    }
}

static void on_retelling(EV_P UNUSED, ev_timer *timer, int events UNUSED) {
    tell(timer->data);
}

void job_succeed(struct job *job, json_t *result) {
    job->result = result;
    tell(job);
}

void job_fail(struct job *job, const char *reason, const char *message, bool final) {
    log_fields(LOG_LEVEL_WARNING, "job failed",
               "job=%" JSON_INTEGER_FORMAT " kind=%s attempt=%" JSON_INTEGER_FORMAT " reason=%s",
               job->id, job->kind->name, job->attempt, reason);
    job->reason = memory_text(reason);
    job->message = memory_text(message);
    job->final = final;
    tell(job);
}

/* Their beginning. */

static const struct job_kind *find_kind(const char *name) {
    for (int i = 0; i < JOB_KINDS; i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}

static void begin(json_t *order) {
    struct job *job = memory_zeroed(sizeof *job);
    const char *kind = "";

    json_unpack(order, "{s:I, s:I, s:s}", "job", &job->id, "attempt", &job->attempt, "kind", &kind);
    if (!(job->kind = find_kind(kind))) { /* another gateway may be newer */
        log_error("jobs: this gateway knows no kind \"%s\"", kind);
        free(job);
        return;
    }
    job->order = json_incref(order);
    ev_init(&job->retelling, on_retelling);
    job->retelling.data = job;
    LIST_INSERT_HEAD(&jobs.all, job, all);
    metrics.jobs_running = ++jobs.count;
    jobs.notices += job->kind->is_notice;
    job->run = job->kind->begin(job, job->order);
}

static void on_taken(void *owner UNUSED, const char *json) {
    json_t *answer = json_loads(json, 0, NULL), *orders = NULL, *next = NULL, *order;
    double pause = BACKSTOP;
    size_t i;

    jobs.taking = NULL;
    json_unpack(answer, "{s:{s:o, s:o}}", "result", "jobs", &orders, "next", &next);
    json_array_foreach(orders, i, order) begin(order);
    if (json_is_number(next) && json_number_value(next) < pause)
        pause = json_number_value(next);
    if (json_array_size(orders) == 0 && pause < LAZY)
        pause = LAZY; /* what is due we have no room for, or another is just taking it */
    look_in(jobs.again ? 0 : pause);
    json_decref(answer);
}

/* The end of a job makes us look again. */
static void take(void) {
    unsigned work = jobs.count - jobs.notices;
    char rooms[2][24], *present;

    jobs.again = false;
    if (metrics.draining || (work >= config.jobs_at_once && jobs.notices >= NOTICES))
        return;
    snprintf(rooms[0], sizeof rooms[0], "%u",
             work < config.jobs_at_once ? config.jobs_at_once - work : 0);
    snprintf(rooms[1], sizeof rooms[1], "%u", NOTICES - jobs.notices);
    present = presence_accounts();
    jobs.taking =
        db_call(DB_CALLS, DB_JOBS_TAKE, 4, (const char *[]){jobs.name, rooms[0], present, rooms[1]},
                (struct db_answer){.done = on_taken});
    free(present);
}

static void on_next(EV_P UNUSED, ev_timer *timer UNUSED, int events UNUSED) {
    if (!jobs.taking)
        take();
}

/* Looks then, unless it is going to earlier. */
static void look_in(double seconds) {
    if (seconds < PAUSE)
        seconds = PAUSE;
    if (jobs.taking) {
        jobs.again = true;
    } else if (!ev_is_active(&jobs.next) || ev_timer_remaining(EV_DEFAULT_ & jobs.next) > seconds) {
        ev_timer_stop(EV_DEFAULT_ & jobs.next);
        ev_timer_set(&jobs.next, seconds, 0);
        ev_timer_start(EV_DEFAULT_ & jobs.next);
    }
}

void jobs_hear(const char *kind) {
    if (strcmp(kind, "message.sent") == 0)
        look_in(LAZY);
    else if (strcmp(kind, "document.uploaded") == 0 || strncmp(kind, "job.", 4) == 0 ||
             strncmp(kind, "logo.", 5) == 0)
        look_in(0);
}

/* Leases. */

static void on_kept(void *owner UNUSED, const char *json UNUSED) {
    jobs.keeping = NULL;
}

static void keep(EV_P UNUSED, ev_timer *timer UNUSED, int events UNUSED) {
    char *ids, *end;
    struct job *job;

    if (jobs.keeping || LIST_EMPTY(&jobs.all))
        return;
    end = ids = memory_new(3 + 21 * jobs.count);
    *end++ = '{';
    LIST_FOREACH(job, &jobs.all, all)
    end += sprintf(end, "%s%" JSON_INTEGER_FORMAT, end[-1] == '{' ? "" : ",", job->id);
    strcpy(end, "}");
    jobs.keeping = db_call(DB_CALLS, DB_JOBS_KEEP, 2, (const char *[]){jobs.name, ids},
                           (struct db_answer){.done = on_kept});
    free(ids);
}

bool jobs_any(void) {
    return !LIST_EMPTY(&jobs.all);
}

void jobs_start(void) {
    uint64_t random;

    if (getrandom(&random, sizeof random, 0) != sizeof random)
        abort();
    snprintf(jobs.name, sizeof jobs.name, "%016" PRIx64, random);
    ev_timer_init(&jobs.next, on_next, START, 0);
    ev_timer_start(EV_DEFAULT_ & jobs.next);
    ev_timer_init(&jobs.keeper, keep, KEEPING, KEEPING);
    ev_timer_start(EV_DEFAULT_ & jobs.keeper);
}

void jobs_stop(void) {
    ev_timer_stop(EV_DEFAULT_ & jobs.next);
    ev_timer_stop(EV_DEFAULT_ & jobs.keeper);
    if (jobs.taking)
        db_abandon(jobs.taking);
    if (jobs.keeping)
        db_abandon(jobs.keeping);
    while (!LIST_EMPTY(&jobs.all))
        job_free(LIST_FIRST(&jobs.all), false);
}
