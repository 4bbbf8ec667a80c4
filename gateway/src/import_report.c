/*
 * import_report.c - how far it is, on a terminal, and what was done, at the end.
 *
 * Both are counted from the outcomes of the lines, which are the only record.
 */
#include "import.h"

#include <unistd.h>

#define PROGRESS_EVERY (200 * LWS_US_PER_MS)

struct tally {
    unsigned sent, repeated, refused, left;
};

static struct {
    struct lws_context *context;
    const struct history *history;
    lws_sorted_usec_list_t timer;
} shown;

static struct tally tally_of(const struct history *history) {
    struct tally tally = {0};
    struct line *line;

    STAILQ_FOREACH(line, &history->lines, next) {
        tally.sent += line->outcome == LINE_SENT;
        tally.repeated += line->outcome == LINE_REPEATED;
        tally.refused += line->outcome == LINE_REFUSED;
        tally.left += line->outcome == LINE_LEFT;
    }
    return tally;
}

static void progress_show(lws_sorted_usec_list_t *timer) {
    struct tally tally = tally_of(shown.history);

    fprintf(stderr, "\r%u of %u lines: %u sent, %u already there, %u refused\033[K",
            shown.history->count - tally.left, shown.history->count, tally.sent, tally.repeated,
            tally.refused);
    lws_sul_schedule(shown.context, 0, timer, progress_show, PROGRESS_EVERY);
}

void progress_begin(struct lws_context *context, const struct history *history) {
    shown.context = context;
    shown.history = history;
    if (isatty(STDERR_FILENO))
        progress_show(&shown.timer);
}

void progress_end(void) {
    if (!isatty(STDERR_FILENO))
        return;
    lws_sul_cancel(&shown.timer);
    progress_show(&shown.timer);
    lws_sul_cancel(&shown.timer);
    fputc('\n', stderr);
}

static json_t *report_of(const struct history *history, const struct tally *tally,
                         const struct firm_made *made) {
    json_t *refusals = json_array();
    struct line *line;

    STAILQ_FOREACH(line, &history->lines, next) {
        json_t *data = json_object_get(line->fault, "data");

        if (line->outcome == LINE_REFUSED)
            json_array_append_new(refusals,
                                  json_pack("{s:i, s:O, s:O, s:O*}", "line", (int)line->number,
                                            "code", json_object_get(line->fault, "code"), "message",
                                            json_object_get(line->fault, "message"), "hint",
                                            json_object_get(data, "hint")));
    }
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:{s:i, s:i, s:i}, s:i, s:o}", "lines",
                     (int)history->count, "sent", (int)tally->sent, "already_there",
                     (int)tally->repeated, "refused", (int)tally->refused, "not_sent",
                     (int)tally->left, "made", "departments", (int)made->departments, "orgs",
                     (int)made->orgs, "accounts", (int)made->accounts, "assignments",
                     (int)made->assignments, "refusals", refusals);
}

static void report_text(const struct history *history, const struct tally *tally,
                        const struct firm_made *made) {
    struct line *line;

    printf("made:          %u departments, %u clients, %u accounts; %u assignments stand\n"
           "lines read:    %u\n"
           "sent:          %u\n"
           "already there: %u\n"
           "refused:       %u\n",
           made->departments, made->orgs, made->accounts, made->assignments, history->count,
           tally->sent, tally->repeated, tally->refused);
    if (tally->left)
        printf("not sent:      %u\n", tally->left);
    STAILQ_FOREACH(line, &history->lines, next) {
        const char *hint =
            json_string_value(json_object_get(json_object_get(line->fault, "data"), "hint"));

        if (line->outcome == LINE_REFUSED)
            printf("line %u: %d %s%s%s\n", line->number, fault_code(line->fault),
                   json_string_value(json_object_get(line->fault, "message")), hint ? ". " : "",
                   hint ? hint : "");
    }
}

bool report(const struct history *history, const struct firm_made *made, bool as_json) {
    struct tally tally = tally_of(history);

    if (as_json) {
        json_t *object = report_of(history, &tally, made);

        json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(object);
    } else {
        report_text(history, &tally, made);
    }
    return tally.refused == 0 && tally.left == 0;
}
