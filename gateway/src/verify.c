/*
 * verify.c - onefin-verify: options, the run, the report.
 *
 * The verdict goes to standard output, as lines or as one JSON object; why there is none, to
 * standard error. Exit status: 0 everything is proved, 1 it is not, 2 there is no verdict.
 */
#include "verify.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum verdict { PROVED, NOT_PROVED, NO_VERDICT };

struct options {
    struct anchor *anchors;
    size_t anchor_count;
    bool json;
};

static const char usage[] =
    "Usage: onefin-verify [OPTION...] FILE...\n"
    "Proves exports of a onefin journal (CSV or JSON lines): that nothing in them was changed,\n"
    "removed or added since it was sealed, and that each FILE goes on where the one before ended.\n"
    "- is standard input.\n"
    "\n"
    "  --anchor N:HASH  the chain must have this hash at seal N; may be repeated\n"
    "  --json           the verdict as one JSON object\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 proved, 1 not proved, 2 no verdict.\n";

bool wrong(struct problem *problem, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(problem->what, sizeof problem->what, format, arguments);
    va_end(arguments);
    return false;
}

void *must(void *memory) {
    if (!memory) {
        fputs("onefin-verify: out of memory\n", stderr);
        exit(NO_VERDICT);
    }
    return memory;
}

static _Noreturn void stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void stop(const char *format, ...) {
    va_list arguments;

    fputs("onefin-verify: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(NO_VERDICT);
}

static bool hash_read(const char *text, unsigned char hash[HASH_SIZE]) {
    if (strlen(text) != 2 * HASH_SIZE || strspn(text, "0123456789abcdefABCDEF") != 2 * HASH_SIZE)
        return false;
    for (int i = 0; i < HASH_SIZE; i++)
        sscanf(text + 2 * i, "%2hhx", &hash[i]);
    return true;
}

static void anchor_add(struct options *options, const char *text) {
    struct anchor anchor = {0};
    char *end;

    errno = 0;
    anchor.seal = strtoll(text, &end, 10);
    if (end == text || errno || *end != ':' || anchor.seal < 1 || !hash_read(end + 1, anchor.hash))
        stop("--anchor wants N:HASH, the number of a seal and 64 hexadecimal digits, not \"%s\"",
             text);
    options->anchors =
        must(realloc(options->anchors, (options->anchor_count + 1) * sizeof *options->anchors));
    options->anchors[options->anchor_count++] = anchor;
}

static void options_read(struct options *options, int argc, char **argv) {
    enum { ANCHOR = 1, AS_JSON, HELP, VERSION };
    static const struct option table[] = {
        {"anchor", required_argument, NULL, ANCHOR},
        {"json", no_argument, NULL, AS_JSON},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case ANCHOR:
            anchor_add(options, optarg);
            break;
        case AS_JSON:
            options->json = true;
            break;
        case HELP:
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        case VERSION:
            puts("onefin-verify " ONEFIN_VERSION);
            exit(EXIT_SUCCESS);
        default:
            stop("see --help");
        }
    }
    if (optind == argc)
        stop("at least one FILE is wanted, see --help");
}

/* One file, carrying the chain on. */
static enum verdict verify_file(struct chain *chain, const char *name, struct problem *problem) {
    struct source source;
    struct record record;
    enum outcome outcome;
    bool proved = true;

    if (!source_open(&source, name))
        stop("%s cannot be opened: %s", name, strerror(errno));
    chain_begin_file(chain);
    *problem = (struct problem){.file = name};
    while (proved && (outcome = source_read(&source, &record, problem)) == READ_RECORD) {
        problem->seal = problem->entry = 0;
        proved = chain_take(chain, &record, problem);
    }
    if (proved && outcome == READ_NO_MORE) {
        problem->line = source.lines;
        proved = chain_end_file(chain, name, problem);
    }
    source_close(&source);
    if (proved && outcome == READ_FAILED)
        return NO_VERDICT;
    return proved && outcome == READ_NO_MORE ? PROVED : NOT_PROVED;
}

static void hex_of(const unsigned char hash[HASH_SIZE], char text[2 * HASH_SIZE + 1]) {
    for (int i = 0; i < HASH_SIZE; i++)
        sprintf(text + 2 * i, "%02x", hash[i]);
}

static json_t *counts_json(const char *file, int64_t from, int64_t to, int64_t seals,
                           int64_t entries, int64_t shown) {
    return json_pack("{s:s*, s:I, s:I, s:I, s:I, s:I}", "file", file, "from", (json_int_t)from,
                     "to", (json_int_t)to, "seals", (json_int_t)seals, "entries",
                     (json_int_t)entries, "shown", (json_int_t)shown);
}

/* What one file held, as a line at once or for the object at the end. */
static void tell_file(const struct chain *chain, const char *name, json_t *files) {
    const struct extract *file = &chain->file;

    if (files)
        json_array_append_new(files, counts_json(name, file->from, file->to, file->seals,
                                                 file->entries, file->shown));
    else if (file->seals == 0)
        printf("%s: no seals after %" PRId64 "\n", name, file->to);
    else
        printf("%s: seals %" PRId64 " to %" PRId64 ", %" PRId64 " entries, %" PRId64 " shown\n",
               name, file->from, file->to, file->entries, file->shown);
}

static void report_json(const struct chain *chain, bool proved, const struct problem *problem,
                        json_t *files) {
    json_t *report =
        counts_json(NULL, chain->from, chain->at, chain->seals, chain->entries, chain->shown);
    char before[2 * HASH_SIZE + 1], hash[2 * HASH_SIZE + 1];

    hex_of(chain->before, before);
    hex_of(chain->hash, hash);
    json_object_set_new(report, "ok", json_boolean(proved));
    json_object_set_new(report, "before", json_string(before));
    json_object_set_new(report, "hash", json_string(hash));
    json_object_set(report, "files", files);
    json_object_set_new(
        report, "broken",
        proved ? json_null()
               : json_pack("{s:s?, s:o, s:o, s:o, s:s}", "file", problem->file, "line",
                           problem->line ? json_integer((json_int_t)problem->line) : json_null(),
                           "seal", problem->seal ? json_integer(problem->seal) : json_null(),
                           "entry", problem->entry ? json_integer(problem->entry) : json_null(),
                           "what", problem->what));
    json_dumpf(report, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(report);
}

static void report_text(const struct chain *chain, bool proved, const struct problem *problem) {
    char before[2 * HASH_SIZE + 1], hash[2 * HASH_SIZE + 1];

    if (!proved) {
        if (problem->file)
            printf("%s:%" PRIu64 ": ", problem->file, problem->line);
        if (problem->seal)
            printf("seal %" PRId64 ": ", problem->seal);
        if (problem->entry)
            printf("entry %" PRId64 ": ", problem->entry);
        printf("%s\nnot proved\n", problem->what);
        return;
    }
    hex_of(chain->before, before);
    hex_of(chain->hash, hash);
    if (chain->from > 1)
        printf("taken as given: at seal %" PRId64 " the hash was %s\n", chain->from - 1, before);
    printf("proved: up to seal %" PRId64 ", where the hash is %s\n", chain->at, hash);
}

/* An anchor that no file reached proves nothing. */
static bool anchors_met(const struct chain *chain, struct problem *problem) {
    for (size_t i = 0; i < chain->anchor_count; i++)
        if (!chain->anchors[i].met) {
            *problem = (struct problem){.seal = chain->anchors[i].seal};
            return wrong(problem, "no file has the seal of the anchor");
        }
    return true;
}

int main(int argc, char **argv) {
    struct options options = {0};
    struct chain chain = {0};
    struct problem problem = {0};
    enum verdict verdict = PROVED;
    json_t *files;

    options_read(&options, argc, argv);
    files = options.json ? json_array() : NULL;
    chain.anchors = options.anchors;
    chain.anchor_count = options.anchor_count;
    for (int i = optind; i < argc && verdict == PROVED; i++) {
        verdict = verify_file(&chain, argv[i], &problem);
        if (verdict == PROVED)
            tell_file(&chain, argv[i], files);
    }
    if (verdict == NO_VERDICT)
        stop("%s %s", problem.file, problem.what);
    if (verdict == PROVED && !anchors_met(&chain, &problem))
        verdict = NOT_PROVED;
    if (options.json)
        report_json(&chain, verdict == PROVED, &problem, files);
    else
        report_text(&chain, verdict == PROVED, &problem);
    json_decref(files);
    free(chain.digests);
    free(options.anchors);
    return verdict;
}
