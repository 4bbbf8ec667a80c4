/*
 * import_play.c - sends each line as its author.
 *
 * A line becomes due (at once, or in the rhythm of the history) and joins its client's lines. A
 * client with something due waits in `ready` for its turn, of which there are `parallel` at a time;
 * with its turn it stands in the row of the member who is to say its next line; the answer ends the
 * turn. So a client's next line goes only after the one before was acknowledged, and a member says
 * one at a time.
 */
#include "import.h"

struct play {
    struct net *net;
    const struct play_options *options;
    STAILQ_HEAD(, client) ready;
    unsigned turns;       /* taken now */
    unsigned left;        /* lines without outcome */
    struct line *release; /* the first that is not due yet */
    double first;         /* second of the history that it begins with */
    double newest;        /* and that it has come to */
    lws_usec_t begun;
    lws_sorted_usec_list_t timer;
};

static struct play play; /* one a process: the answers of links and timers find it here */

static void turns_give(void);

static struct member *speaker_of(const struct line *line) {
    return play.options->keeper ? play.options->keeper : line->author;
}

static void line_end(struct line *line, enum outcome outcome) {
    line->outcome = outcome;
    play.left--;
}

static json_t *params_of(const struct line *line) {
    json_t *params = json_pack("{s:I, s:s, s:s}", "topic", line->client->topic, "text", line->text,
                               "client_key", line->key);

    if (play.options->keeper) {
        json_object_set_new(params, "author", json_integer(line->author->account));
        json_object_set_new(params, "at", json_string(line->at));
    }
    return params;
}

static void speaker_answered(void *owner, json_t *result, json_t *fault);

/* The first of the speaker's row gets its line said. */
static void speak(struct member *speaker) {
    struct client *client = STAILQ_FIRST(&speaker->row);

    if (client)
        link_ask(speaker->link, play.options->keeper ? "import" : "send",
                 params_of(STAILQ_FIRST(&client->lines)), speaker_answered, speaker);
}

static void speaker_answered(void *owner, json_t *result, json_t *fault) {
    struct member *speaker = owner;
    struct client *client = STAILQ_FIRST(&speaker->row);
    struct line *line = STAILQ_FIRST(&client->lines);

    if (fault) {
        line_refuse(line, fault);
        line_end(line, LINE_REFUSED);
    } else {
        bool repeated = json_is_true(json_object_get(result, "repeated"));

        line_end(line, repeated ? LINE_REPEATED : LINE_SENT);
    }
    STAILQ_REMOVE_HEAD(&speaker->row, next_in_row);
    STAILQ_REMOVE_HEAD(&client->lines, next_of_client);
    play.turns--;
    if (STAILQ_EMPTY(&client->lines))
        client->playing = false;
    else
        STAILQ_INSERT_TAIL(&play.ready, client, next_in_row);
    speak(speaker);
    turns_give();
}

static void turns_give(void) {
    while (play.turns < play.options->parallel && !STAILQ_EMPTY(&play.ready)) {
        struct client *client = STAILQ_FIRST(&play.ready);
        struct member *speaker = speaker_of(STAILQ_FIRST(&client->lines));
        bool silent = STAILQ_EMPTY(&speaker->row);

        STAILQ_REMOVE_HEAD(&play.ready, next_in_row);
        STAILQ_INSERT_TAIL(&speaker->row, client, next_in_row);
        play.turns++;
        if (silent)
            speak(speaker);
    }
}

static void line_due(struct line *line) {
    struct client *client = line->client;
    json_t *fault = client->fault ? client->fault : line->author->fault;

    if (fault) {
        line_refuse(line, fault);
        line_end(line, LINE_REFUSED);
        return;
    }
    STAILQ_INSERT_TAIL(&client->lines, line, next_of_client);
    if (!client->playing) {
        client->playing = true;
        STAILQ_INSERT_TAIL(&play.ready, client, next_in_row);
    }
}

/* Where the times of the history go back, the file's order holds. */
static lws_usec_t until_due(const struct line *line) {
    double second = line->second > play.newest ? line->second : play.newest;

    if (play.options->rhythm == 0)
        return 0;
    return play.begun - lws_now_usecs() +
           (lws_usec_t)((second - play.first) / play.options->rhythm * LWS_US_PER_SEC);
}

static void release(lws_sorted_usec_list_t *timer) {
    for (; play.release; play.release = STAILQ_NEXT(play.release, next)) {
        struct line *line = play.release;
        lws_usec_t wait;

        if (line->outcome != LINE_LEFT)
            continue;
        wait = until_due(line);
        if (wait > 0) {
            lws_sul_schedule(play.net->context, 0, timer, release, wait);
            break;
        }
        if (line->second > play.newest)
            play.newest = line->second;
        line_due(line);
    }
    turns_give();
}

void play_run(struct net *net, struct history *history, const struct play_options *options) {
    struct line *line;

    play = (struct play){.net = net, .options = options, .begun = lws_now_usecs()};
    STAILQ_INIT(&play.ready);
    STAILQ_FOREACH(line, &history->lines, next) {
        if (line->outcome == LINE_LEFT && play.left++ == 0) {
            play.release = line;
            play.first = play.newest = line->second;
        }
    }
    release(&play.timer);
    while (play.left && !net->failure[0])
        lws_service(net->context, 0);
    lws_sul_cancel(&play.timer);
}
