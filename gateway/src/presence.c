/*
 * presence.c - who is there, at this gateway and at others.
 *
 * A gateway tells the others through the database (onefin.presence_tell) who came to it and who
 * went, and every HEARTBEAT that it is there; one not heard of for SILENCE is gone with all its
 * people. Who watches unseen is left out by the database. So each gateway knows who is there
 * anywhere, and whenever that changes for an account asks the database who may know, and tells
 * those.
 *
 * Who comes back within GRACE never went: a reload of the page, or a gateway that was restarted, is
 * not told of. Nothing here is kept, and what gets lost is mended by the next question.
 */
#include "presence.h"
#include "compat.h"
#include "db.h"
#include "idmap.h"
#include "memory.h"
#include "metrics.h"
#include "session.h"

#include <ev.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#define TICK      1.0
#define GRACE     5.0
#define HEARTBEAT 10.0
#define SILENCE   35.0
#define NEWS_MAX  200  /* accounts asked about at once */
#define TOLD_MAX  2000 /* accounts told of at once */

struct gateway {
    LIST_ENTRY(gateway) all;
    char name[65];
    ev_tstamp heard;
    struct idmap accounts;
};

static char name[17]; /* ours, made anew at each start */
static LIST_HEAD(, gateway) gateways = LIST_HEAD_INITIALIZER(gateways);
static struct idmap there; /* account to how many gateways it is at */
static struct idmap news;  /* accounts of whom it is to be told */
static struct idmap asked; /* of them those about whom the database is asked */
static struct idmap shown; /* those last told to be there */

static struct idmap here;    /* accounts with a connection here of which the others were told */
static struct idmap changed; /* accounts that came or went since, to when */
static ev_timer ticker;
static ev_tstamp spoken;
static bool speaking; /* a call is under way */
static bool asking;
static struct idmap said; /* what the call under way says: account to came or went */

static char yes, no;

/* Numbers from 1 on are kept as pointers, so that a map holds them. */
static void *from_count(intptr_t count) {
    return (void *)count;
}

static intptr_t count_at(const struct idmap *map, int64_t account) {
    return (intptr_t)idmap_get(map, account);
}

static void drop_moment(void *moment) {
    free(moment);
}

void presence_changed(int64_t account) {
    ev_tstamp *moment = memory_new(sizeof *moment);

    *moment = ev_now(EV_DEFAULT);
    free(idmap_remove(&changed, account));
    idmap_put(&changed, account, moment);
}

bool presence_is_there(int64_t account) {
    return idmap_get(&there, account);
}

void presence_ask(void) {
    asking = true;
}

/* What others told. */

static void add(struct gateway *gateway, int64_t account) {
    if (idmap_get(&gateway->accounts, account))
        return;
    idmap_put(&gateway->accounts, account, &yes);
    idmap_put(&there, account, from_count(count_at(&there, account) + 1));
    idmap_put(&news, account, &yes);
}

static void forget(int64_t account) {
    intptr_t count = count_at(&there, account);

    if (count > 1)
        idmap_put(&there, account, from_count(count - 1));
    else
        idmap_remove(&there, account);
    idmap_put(&news, account, &yes);
}

static void take_away(struct gateway *gateway, int64_t account) {
    if (idmap_remove(&gateway->accounts, account))
        forget(account);
}

static struct gateway *find(const char *called) {
    struct gateway *gateway;

    LIST_FOREACH(gateway, &gateways, all) {
        if (strcmp(gateway->name, called) == 0)
            return gateway;
    }
    gateway = memory_zeroed(sizeof *gateway);
    snprintf(gateway->name, sizeof gateway->name, "%s", called);
    LIST_INSERT_HEAD(&gateways, gateway, all);
    return gateway;
}

static void bury(struct gateway *gateway) {
    for (size_t i = 0; i < gateway->accounts.room; i++) {
        if (gateway->accounts.slots[i].id)
            forget(gateway->accounts.slots[i].id);
    }
    idmap_clear(&gateway->accounts, NULL);
    LIST_REMOVE(gateway, all);
    free(gateway);
}

static void bury_the_silent(ev_tstamp now) {
    struct gateway *gateway, *next;

    for (gateway = LIST_FIRST(&gateways); gateway; gateway = next) {
        next = LIST_NEXT(gateway, all);
        if (now - gateway->heard >= SILENCE)
            bury(gateway);
    }
    metrics.present = there.count;
}

/* Says all who are here once more. */
static void say_all_again(void) {
    struct idmap all = here;

    here = (struct idmap){0};
    for (size_t i = 0; i < all.room; i++) {
        if (all.slots[i].id)
            presence_changed(all.slots[i].id);
    }
    idmap_clear(&all, NULL);
}

/* "NAME ." is there, "NAME ?" wants to be told all, "NAME + ID ID ..." came, "NAME - ID ID ..."
 * went. Anybody can write here; what does not read so is not heard. */
void presence_hear(const char *payload) {
    char called[65], what;
    struct gateway *gateway;
    int read = 0, length;
    int64_t account;

    if (sscanf(payload, "%64s %c%n", called, &what, &read) != 2)
        return;
    gateway = find(called);
    gateway->heard = ev_now(EV_DEFAULT);
    if (what == '?' && strcmp(called, name) != 0)
        say_all_again();
    for (payload += read; sscanf(payload, "%" SCNd64 "%n", &account, &length) == 1;
         payload += length) {
        if (what == '+' && account > 0)
            add(gateway, account);
        else if (what == '-' && account > 0)
            take_away(gateway, account);
    }
}

/* What we tell. */

static void on_said(void *owner UNUSED, const char *json) {
    bool heard = strncmp(json, "{\"result\"", 9) == 0;

    for (size_t i = 0; i < said.room; i++) {
        int64_t account = said.slots[i].id;

        if (!account)
            continue;
        if (!heard)
            presence_changed(account);
        else if (said.slots[i].value == &yes)
            idmap_put(&here, account, &yes);
        else
            idmap_remove(&here, account);
    }
    idmap_clear(&said, NULL);
    speaking = false;
}

static bool is_due(int64_t account, ev_tstamp since, ev_tstamp now) {
    return session_is_here(account) || now - since >= GRACE;
}

/* Fills `said` with what is due. */
static void gather(ev_tstamp now) {
    struct idmap left = {0};

    for (size_t i = 0; i < changed.room; i++) {
        int64_t account = changed.slots[i].id;
        ev_tstamp *since = changed.slots[i].value;

        if (!account)
            continue;
        if (said.count >= TOLD_MAX || !is_due(account, *since, now)) {
            idmap_put(&left, account, since);
            continue;
        }
        if (session_is_here(account) != !!idmap_get(&here, account))
            idmap_put(&said, account, session_is_here(account) ? &yes : &no);
        free(since);
    }
    idmap_clear(&changed, NULL);
    changed = left;
}

/* Those in a map with this value, or with any (NULL), as the text of a bigint[]. */
static char *array_of(const struct idmap *map, const void *value, size_t most) {
    size_t room = 3 + 21 * (map->count < most ? map->count : most);
    char *text = memory_new(room), *end = text;

    *end++ = '{';
    for (size_t i = 0; i < map->room && most > 0; i++) {
        if (map->slots[i].id && (!value || map->slots[i].value == value)) {
            end += sprintf(end, "%s%" PRId64, end[-1] == '{' ? "" : ",", map->slots[i].id);
            most--;
        }
    }
    strcpy(end, "}");
    return text;
}

char *presence_accounts(void) {
    return array_of(&there, NULL, SIZE_MAX);
}

static void speak(ev_tstamp now) {
    char *came = array_of(&said, &yes, TOLD_MAX), *went = array_of(&said, &no, TOLD_MAX);
    const char *params[] = {name, came, went, asking ? "true" : "false"};

    speaking = true;
    asking = false;
    spoken = now;
    db_call(DB_CALLS, DB_PRESENCE_TELL, 4, params, (struct db_answer){.done = on_said});
    free(came);
    free(went);
}

static void on_tick(EV_P UNUSED, ev_timer *timer UNUSED, int events UNUSED) {
    ev_tstamp now = ev_now(EV_DEFAULT);

    bury_the_silent(now);
    if (speaking)
        return;
    gather(now);
    if (said.count > 0 || asking || now - spoken >= HEARTBEAT)
        speak(now);
}

/* Whom we tell. */

/* A question that was not answered is asked again. */
char *presence_news(void) {
    struct idmap rest = {0};

    if (asked.count == 0) {
        for (size_t i = 0; i < news.room; i++) {
            if (news.slots[i].id)
                idmap_put(asked.count < NEWS_MAX ? &asked : &rest, news.slots[i].id, &yes);
        }
        idmap_clear(&news, NULL);
        news = rest;
    }
    return asked.count > 0 ? array_of(&asked, NULL, NEWS_MAX) : NULL;
}

static struct frame *frame_presence(int64_t account, bool online) {
    char *text = memory_format("{\"jsonrpc\":\"2.0\",\"method\":\"presence\",\"params\":"
                               "{\"account\":%" PRId64 ",\"online\":%s}}",
                               account, online ? "true" : "false");
    const char *pieces[] = {text};
    struct frame *frame = frame_join(1, pieces);

    free(text);
    return frame;
}

static void drop_frame(void *frame) {
    frame_drop(frame);
}

/* Of those asked about who really came or went since they were last told of. */
static void make_frames(struct idmap *frames) {
    for (size_t i = 0; i < asked.room; i++) {
        int64_t account = asked.slots[i].id;
        bool online = account && presence_is_there(account);

        if (!account || online == !!idmap_get(&shown, account))
            continue;
        idmap_put(frames, account, frame_presence(account, online));
        if (online)
            idmap_put(&shown, account, &yes);
        else
            idmap_remove(&shown, account);
    }
    idmap_clear(&asked, NULL);
}

void presence_tell(const PGresult *pairs) {
    struct idmap frames = {0};

    make_frames(&frames);
    for (int i = 0; i < PQntuples(pairs); i++) {
        struct frame *frame = idmap_get(&frames, atoll(PQgetvalue(pairs, i, 0)));

        if (frame)
            session_tell_account(atoll(PQgetvalue(pairs, i, 1)), frame);
    }
    idmap_clear(&frames, drop_frame);
}

void presence_start(void) {
    uint64_t random;

    if (getrandom(&random, sizeof random, 0) != sizeof random)
        abort();
    snprintf(name, sizeof name, "%016" PRIx64, random);
    asking = true;
    ev_timer_init(&ticker, on_tick, TICK, TICK);
    ev_timer_start(EV_DEFAULT_ & ticker);
}

void presence_stop(void) {
    ev_timer_stop(EV_DEFAULT_ & ticker);
    while (!LIST_EMPTY(&gateways))
        bury(LIST_FIRST(&gateways));
    idmap_clear(&there, NULL);
    idmap_clear(&news, NULL);
    idmap_clear(&asked, NULL);
    idmap_clear(&shown, NULL);
    idmap_clear(&here, NULL);
    idmap_clear(&said, NULL);
    idmap_clear(&changed, drop_moment);
}
