/*
 * import.c - onefin-import: options and passwords, then the run.
 *
 * What was done goes to standard output when all is done; what happens goes to standard error, with
 * a line of progress when that is a terminal. Exit status: 0 all lines are in the firm, 1 some were
 * refused or could not be sent, 2 it never began.
 */
#include "import.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define EXIT_NOT_BEGUN 2

struct options {
    char *url;
    const char *admin;
    const char *password_file;
    const char *member_password_file;
    const char *department;
    const char *topic;
    const char *file;
    unsigned parallel;
    double rhythm;
    bool keep_times;
    bool json;
};

static struct history history;
static struct net net = {.port = 80};

static const char usage[] =
    "Usage: onefin-import --admin LOGIN [OPTION...] FILE\n"
    "Plays a history of JSON lines (at, client, from, role, text) into a firm, through its\n"
    "gateway; - is standard input. Running it again is harmless: what is there stays once.\n"
    "\n"
    "  --url URL                   the gateway (ws://127.0.0.1:8080/ws; wss:// for TLS)\n"
    "  --admin LOGIN               an admin, who makes the clients and accounts that are missing\n"
    "  --password-file FILE        holds the admin's password; else the environment's\n"
    "                              ONEFIN_PASSWORD; else it is asked for\n"
    "  --member-password-file FILE holds the password of the accounts that write (new ones get\n"
    "                              it); else the environment's ONEFIN_MEMBER_PASSWORD\n"
    "  --department NAME           where clients and accountants are put (Support)\n"
    "  --topic KIND                the topic of each client that the lines go to (bank_payment)\n"
    "  --parallel N                how many clients' lines may be under way at once (8)\n"
    "  --rhythm FACTOR             in the rhythm of the history, FACTOR times as fast\n"
    "  --keep-times                the admin imports each line with its own time and author\n"
    "  --json                      the report as one JSON object\n"
    "  --help, --version\n";

static _Noreturn void stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void stop(const char *format, ...) {
    va_list arguments;

    fputs("onefin-import: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_NOT_BEGUN);
}

static double positive(const char *option, const char *text) {
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value > 0 && value <= 1e6))
        stop("--%s wants a positive number, not \"%s\"", option, text);
    return value;
}

static void options_read(struct options *options, int argc, char **argv) {
    enum {
        URL = 1,
        ADMIN,
        PASSWORD,
        MEMBER,
        DEPARTMENT,
        TOPIC,
        PARALLEL,
        RHYTHM,
        KEEP,
        JSON,
        HELP,
        VERSION
    };
    static const struct option table[] = {
        {"url", required_argument, NULL, URL},
        {"admin", required_argument, NULL, ADMIN},
        {"password-file", required_argument, NULL, PASSWORD},
        {"member-password-file", required_argument, NULL, MEMBER},
        {"department", required_argument, NULL, DEPARTMENT},
        {"topic", required_argument, NULL, TOPIC},
        {"parallel", required_argument, NULL, PARALLEL},
        {"rhythm", required_argument, NULL, RHYTHM},
        {"keep-times", no_argument, NULL, KEEP},
        {"json", no_argument, NULL, JSON},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case URL:
            options->url = optarg;
            break;
        case ADMIN:
            options->admin = optarg;
            break;
        case PASSWORD:
            options->password_file = optarg;
            break;
        case MEMBER:
            options->member_password_file = optarg;
            break;
        case DEPARTMENT:
            options->department = optarg;
            break;
        case TOPIC:
            options->topic = optarg;
            break;
        case PARALLEL:
            options->parallel = (unsigned)positive("parallel", optarg);
            break;
        case RHYTHM:
            options->rhythm = positive("rhythm", optarg);
            break;
        case KEEP:
            options->keep_times = true;
            break;
        case JSON:
            options->json = true;
            break;
        case HELP:
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        case VERSION:
            puts("onefin-import " ONEFIN_VERSION);
            exit(EXIT_SUCCESS);
        default:
            stop("see --help");
        }
    }
    if (argc - optind != 1)
        stop("one FILE is wanted, see --help");
    options->file = argv[optind];
    if (!options->admin)
        stop("--admin LOGIN is wanted, see --help");
    if (options->keep_times && options->rhythm > 0)
        stop("--keep-times has no rhythm of its own: take one of the two");
    if (options->parallel < 1)
        stop("--parallel wants at least 1");
}

/* The first line of the file. The caller's. */
static char *password_from_file(const char *path) {
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;

    if (!file || getline(&line, &room, file) < 0)
        stop("no password can be read from %s: %s", path, file ? "it is empty" : strerror(errno));
    fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static char *password_from_terminal(const char *login) {
    FILE *terminal = fopen("/dev/tty", "r+");
    struct termios seen, unseen;
    char *line = NULL;
    size_t room = 0;

    if (!terminal || tcgetattr(fileno(terminal), &seen) != 0)
        stop("no password for %s: set ONEFIN_PASSWORD, or give --password-file", login);
    unseen = seen;
    unseen.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(terminal, "Password of %s: ", login);
    fflush(terminal);
    tcsetattr(fileno(terminal), TCSAFLUSH, &unseen);
    if (getline(&line, &room, terminal) < 0)
        line = must(calloc(1, 1));
    tcsetattr(fileno(terminal), TCSAFLUSH, &seen);
    fputc('\n', terminal);
    fclose(terminal);
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static char *admin_password(const struct options *options) {
    const char *given = getenv("ONEFIN_PASSWORD");

    if (options->password_file)
        return password_from_file(options->password_file);
    return given ? must(strdup(given)) : password_from_terminal(options->admin);
}

/* NULL when nobody but the admin writes, and none was given. */
static char *member_password(const struct options *options) {
    const char *given = getenv("ONEFIN_MEMBER_PASSWORD");

    if (options->member_password_file)
        return password_from_file(options->member_password_file);
    if (!given && !options->keep_times)
        stop("no password for the accounts that write: set ONEFIN_MEMBER_PASSWORD, or give "
             "--member-password-file (with --keep-times none is needed)");
    return given ? must(strdup(given)) : NULL;
}

static void history_open(const char *path) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");

    if (!file || !history_read(&history, file))
        stop("%s cannot be read: %s", path, strerror(errno));
    fclose(file);
}

static void net_open(char *url) {
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = import_protocols,
        .gid = -1,
        .uid = -1,
    };
    const char *scheme, *path;
    char *path_with_slash;

    if (lws_parse_uri(url, &scheme, &net.address, &net.port, &path) != 0 ||
        (strcmp(scheme, "ws") != 0 && strcmp(scheme, "wss") != 0))
        stop("--url wants an address such as ws://127.0.0.1:8080/ws");
    if (asprintf(&path_with_slash, "/%s", path) < 0)
        must(NULL);
    net.path = path_with_slash;
    net.tls = strcmp(scheme, "wss") == 0;
    if (net.tls)
        info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    lws_set_log_level(0, NULL); /* what matters of it is in our own messages */
    net.context = lws_create_context(&info);
    if (!net.context)
        stop("libwebsockets does not start");
}

/* False: some lines are not in the firm, or it stopped. */
static bool run(const struct options *options, struct link *admin, const char *password) {
    struct member keeper = {.link = admin, .row = STAILQ_HEAD_INITIALIZER(keeper.row)};
    struct play_options how = {.parallel = options->parallel, .rhythm = options->rhythm};
    struct firm_made made = {0};
    struct member *member;
    json_t *fault = NULL;

    progress_begin(net.context, &history);
    if (!firm_prepare(admin, &history, options->department, options->topic, password, &made,
                      &fault) ||
        net.failure[0]) {
        progress_end();
        stop("%s", fault ? json_string_value(json_object_get(fault, "message")) : net.failure);
    }
    if (options->keep_times)
        how.keeper = &keeper;
    STAILQ_FOREACH(member, &history.members, next)
    member->link = link_new(&net, member->login, password);
    play_run(&net, &history, &how);
    progress_end();
    if (net.failure[0])
        fprintf(stderr, "onefin-import: %s\n", net.failure);
    return report(&history, &made, options->json);
}

int main(int argc, char **argv) {
    static char default_url[] = "ws://127.0.0.1:8080/ws";
    struct options options = {
        .url = default_url, .department = "Support", .topic = "bank_payment", .parallel = 8};
    char *password, *others;
    struct member *member;
    struct link *admin;
    bool complete;

    options_read(&options, argc, argv);
    history_open(options.file);
    password = admin_password(&options);
    others = member_password(&options);
    net_open(options.url);
    admin = link_new(&net, options.admin, password);
    complete = run(&options, admin, others);

    STAILQ_FOREACH(member, &history.members, next)
    link_free(member->link);
    link_free(admin);
    lws_context_destroy(net.context);
    free(password);
    free(others);
    return complete ? EXIT_SUCCESS : EXIT_FAILURE;
}
