/*
 * import_input.c - JSON lines to a history: who wrote what to whom, with a key of its own for each.
 *
 * A line is one object with `at`, `client`, `from`, `role` (client or staff) and `text`, all
 * strings. What is wrong with a line is found here as far as its form goes; the rest is the firm's
 * to judge. Blank lines count as nothing.
 */
#include "import.h"

#include <errno.h>
#include <search.h>
#include <string.h>
#include <time.h>

/* The namespace of content keys: with another one, everything could be imported twice. */
static const unsigned char key_namespace[16] = {0x7e, 0x33, 0x82, 0xa3, 0xd8, 0xf4, 0x4c, 0xd2,
                                                0x97, 0x02, 0xee, 0x5e, 0xe9, 0xbe, 0xf4, 0x55};

struct fields {
    const char *at, *client, *from, *role, *text;
};

/* Clients and members begin with their name, which is also how they are looked for. */
static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_pairings(const void *a, const void *b) {
    return memcmp(a, b, offsetof(struct pairing, next));
}

static struct client *client_of(struct history *history, const char *name) {
    struct client **found = tfind(&name, &history->clients_by_name, compare_names);
    struct client *client;

    if (found)
        return *found;
    client = must(calloc(1, sizeof *client));
    client->name = name;
    STAILQ_INIT(&client->lines);
    STAILQ_INSERT_TAIL(&history->clients, client, next);
    must(tsearch(client, &history->clients_by_name, compare_names));
    return client;
}

static struct member *member_of(struct history *history, const char *login, struct client *client) {
    struct member **found = tfind(&login, &history->members_by_login, compare_names);
    struct member *member;

    if (found)
        return *found;
    member = must(calloc(1, sizeof *member));
    member->login = login;
    member->client = client;
    STAILQ_INIT(&member->row);
    STAILQ_INSERT_TAIL(&history->members, member, next);
    must(tsearch(member, &history->members_by_login, compare_names));
    return member;
}

static void pair(struct history *history, struct member *member, struct client *client) {
    struct pairing *pairing = must(calloc(1, sizeof *pairing));

    pairing->member = member;
    pairing->client = client;
    if (tfind(pairing, &history->pairings_found, compare_pairings)) {
        free(pairing);
        return;
    }
    must(tsearch(pairing, &history->pairings_found, compare_pairings));
    STAILQ_INSERT_TAIL(&history->pairings, pairing, next);
}

/* The name-based uuid (version 5, RFC 9562) of a line's content and of how many lines before it
 * had the same: it does not depend on the file that the line is in, nor on the place there. */
static void key_make(char key[KEY_SIZE], const struct fields *fields, json_int_t copy) {
    unsigned char digest[20], *name;
    size_t size = 0;
    FILE *out = must(open_memstream((char **)&name, &size));

    fwrite(key_namespace, 1, sizeof key_namespace, out);
    /* NUL cannot be within: jansson refuses \u0000. */
    fprintf(out, "%s%c%s%c%s%c%s%c%lld", fields->client, 0, fields->from, 0, fields->at, 0,
            fields->text, 0, (long long)copy);
    fclose(out);
    lws_SHA1(name, size, digest);
    free(name);

    digest[6] = (digest[6] & 0x0f) | 0x50;
    digest[8] = (digest[8] & 0x3f) | 0x80;
    for (int i = 0; i < 16; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;

        key += sprintf(key, dash ? "-%02x" : "%02x", digest[i]);
    }
}

/* ISO 8601 with a zone, as seconds since 1970. */
static bool read_time(const char *text, double *second) {
    struct tm tm = {0};
    int hours = 0, minutes = 0, used = 0;
    double fraction = 0;
    char sign;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (!rest)
        return false;
    if (*rest == '.')
        fraction = strtod(rest, (char **)&rest);
    if (strcmp(rest, "Z") != 0) {
        if (sscanf(rest, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || rest[used] ||
            !strchr("+-", sign))
            return false;
        if (sign == '-')
            hours = -hours, minutes = -minutes;
    }
    *second = (double)timegm(&tm) + fraction - hours * 3600 - minutes * 60;
    return true;
}

void line_refuse(struct line *line, json_t *fault) {
    line->outcome = LINE_REFUSED;
    line->fault = json_incref(fault);
}

/* Fills in what a well-formed line says. Returns what is wrong with it, or NULL. */
static json_t *line_parse(struct history *history, struct line *line, const char *bytes,
                          size_t size) {
    struct fields fields;
    json_error_t error;
    json_int_t copies;
    bool staff;

    line->source = json_loadb(bytes, size, 0, &error);
    if (!line->source)
        return fault_new(FAULT_PARSE, "no JSON: %s (byte %d)", error.text, error.position);
    if (json_unpack_ex(line->source, &error, 0, "{s:s, s:s, s:s, s:s, s:s}", "at", &fields.at,
                       "client", &fields.client, "from", &fields.from, "role", &fields.role, "text",
                       &fields.text) != 0)
        return fault_new(FAULT_PARAMS, "the line lacks a string: %s", error.text);
    staff = strcmp(fields.role, "staff") == 0;
    if (!staff && strcmp(fields.role, "client") != 0)
        return fault_new(FAULT_PARAMS, "the role \"%s\" is neither client nor staff", fields.role);
    if (!fields.client[0] || !fields.from[0])
        return fault_new(FAULT_PARAMS, "the line does not name its client and its author");
    if (!read_time(fields.at, &line->second))
        return fault_new(FAULT_PARAMS, "\"%s\" is no time such as 2019-09-04T22:45:20Z", fields.at);

    line->at = fields.at;
    line->text = fields.text;
    line->client = client_of(history, fields.client);
    line->author = member_of(history, fields.from, staff ? NULL : line->client);
    if (line->author->client != (staff ? NULL : line->client))
        return fault_new(FAULT_PARAMS, "\"%s\" writes elsewhere as %s%s", fields.from,
                         line->author->client ? "a person of " : "staff",
                         line->author->client ? line->author->client->name : "");
    if (staff)
        pair(history, line->author, line->client);

    key_make(line->key, &fields, 0);
    copies = json_integer_value(json_object_get(history->copies, line->key));
    json_object_set_new(history->copies, line->key, json_integer(copies + 1));
    if (copies > 0)
        key_make(line->key, &fields, copies);
    return NULL;
}

bool history_read(struct history *history, FILE *file) {
    char *bytes = NULL;
    size_t room = 0;
    ssize_t size;
    bool good;

    memset(history, 0, sizeof *history);
    STAILQ_INIT(&history->lines);
    STAILQ_INIT(&history->clients);
    STAILQ_INIT(&history->members);
    STAILQ_INIT(&history->pairings);
    history->copies = must(json_object());

    errno = 0;
    for (unsigned number = 1; (size = getline(&bytes, &room, file)) >= 0; number++) {
        struct line *line;
        json_t *fault;

        if (strspn(bytes, " \t\r\n") == (size_t)size)
            continue;
        line = must(calloc(1, sizeof *line));
        line->number = number;
        fault = line_parse(history, line, bytes, (size_t)size);
        if (fault)
            line_refuse(line, fault);
        json_decref(fault);
        STAILQ_INSERT_TAIL(&history->lines, line, next);
        history->count++;
    }
    good = feof(file);
    free(bytes);
    return good;
}
