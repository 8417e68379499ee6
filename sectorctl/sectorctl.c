/*
 * The command line: options may stand anywhere, and each command takes those
 * that mean something to it.
 */

#include "sectorctl.h"
#include "sectorctl_conf.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>


/* Options that not every command has. */

#define SECTORCTL_OPT_TTL       0x01
#define SECTORCTL_OPT_PARALLEL  0x02
#define SECTORCTL_OPT_ALL       0x04
#define SECTORCTL_OPT_ONCE      0x08
#define SECTORCTL_OPT_DEGRADED  0x10
#define SECTORCTL_OPT_KEY       0x20
#define SECTORCTL_OPT_PREFIX    0x40
#define SECTORCTL_OPT_MINUTES   0x80

#define SECTORCTL_ARGS_MAX      1000


typedef struct {
    const char         *name;
    const char         *synopsis;
    const char         *help;
    size_t              least;      /* arguments */
    size_t              most;
    size_t              symbols;    /* so many of them are symbols */
    unsigned            options;
    sectorctl_code_e  (*run)(sectorctl_t *ctl);
} sectorctl_command_t;


static const sectorctl_command_t  sectorctl_commands[] = {

    { "status", "", "health, requests, namespaces, sources",
      0, 0, 0, 0, sectorctl_cmd_status },

    { "get", "SYMBOL...", "sectors; what is missing is fetched",
      1, SECTORCTL_ARGS_MAX, SECTORCTL_ARGS_MAX, 0, sectorctl_cmd_get },

    { "snapshot", "", "the whole market and a summary",
      0, 0, 0, 0, sectorctl_cmd_snapshot },

    { "set", "SYMBOL [FILE|-] [--ttl=TIME]", "store a sector from JSON",
      1, 2, 1, SECTORCTL_OPT_TTL | SECTORCTL_OPT_KEY, sectorctl_cmd_set },

    { "warm", "[SYMBOL...] [--parallel=N]", "fetch what is not fresh",
      0, SECTORCTL_ARGS_MAX, SECTORCTL_ARGS_MAX, SECTORCTL_OPT_PARALLEL,
      sectorctl_cmd_warm },

    { "refresh", "[SYMBOL...]", "fetch now, fresh or not",
      0, SECTORCTL_ARGS_MAX, SECTORCTL_ARGS_MAX, SECTORCTL_OPT_KEY,
      sectorctl_cmd_refresh },

    { "entries", "[NAMESPACE] [--prefix=TEXT]", "what is in memory",
      0, 1, 0, SECTORCTL_OPT_PREFIX, sectorctl_cmd_entries },

    { "clear", "NAMESPACE|SYMBOL... | --all", "remove entries",
      0, SECTORCTL_ARGS_MAX, 0, SECTORCTL_OPT_ALL | SECTORCTL_OPT_KEY,
      sectorctl_cmd_clear },

    { "enable", "", "turn all caches on",
      0, 0, 0, SECTORCTL_OPT_KEY, sectorctl_cmd_enable },

    { "disable", "", "turn all caches off: every request is fetched",
      0, 0, 0, SECTORCTL_OPT_KEY, sectorctl_cmd_disable },

    { "breaker", "SOURCE [open|closed|auto]", "show or force a breaker",
      1, 2, 0, SECTORCTL_OPT_KEY, sectorctl_cmd_breaker },

    { "explain", "SYMBOL", "why it is answered as it is",
      1, 1, 1, 0, sectorctl_cmd_explain },

    { "history", "[--minutes=N]", "what went on, minute by minute",
      0, 0, 0, SECTORCTL_OPT_MINUTES, sectorctl_cmd_history },

    { "top", "[--once]", "a live view; q or Ctrl-C leaves",
      0, 0, 0, SECTORCTL_OPT_ONCE, sectorctl_cmd_top },

    { "wait-healthy", "[--timeout=TIME] [--degraded]",
      "until the server is healthy",
      0, 0, 0, SECTORCTL_OPT_DEGRADED, sectorctl_cmd_wait },

    { NULL, NULL, NULL, 0, 0, 0, 0, NULL }
};


enum {
    SECTORCTL_GIVEN_URL = 256,
    SECTORCTL_GIVEN_API_URL,
    SECTORCTL_GIVEN_STATUS_URL,
    SECTORCTL_GIVEN_ADMIN_URL,
    SECTORCTL_GIVEN_KEY_FILE,
    SECTORCTL_GIVEN_KEY,
    SECTORCTL_GIVEN_TIMEOUT,
    SECTORCTL_GIVEN_JSON,
    SECTORCTL_GIVEN_TTL,
    SECTORCTL_GIVEN_PARALLEL,
    SECTORCTL_GIVEN_ALL,
    SECTORCTL_GIVEN_ONCE,
    SECTORCTL_GIVEN_PROXY,
    SECTORCTL_GIVEN_PREFIX,
    SECTORCTL_GIVEN_MINUTES,
    SECTORCTL_GIVEN_DEGRADED
};


static const struct option  sectorctl_options[] = {
    { "url", required_argument, NULL, SECTORCTL_GIVEN_URL },
    { "api-url", required_argument, NULL, SECTORCTL_GIVEN_API_URL },
    { "status-url", required_argument, NULL, SECTORCTL_GIVEN_STATUS_URL },
    { "admin-url", required_argument, NULL, SECTORCTL_GIVEN_ADMIN_URL },
    { "key-file", required_argument, NULL, SECTORCTL_GIVEN_KEY_FILE },
    { "key", optional_argument, NULL, SECTORCTL_GIVEN_KEY },
    { "timeout", required_argument, NULL, SECTORCTL_GIVEN_TIMEOUT },
    { "json", no_argument, NULL, SECTORCTL_GIVEN_JSON },
    { "ttl", required_argument, NULL, SECTORCTL_GIVEN_TTL },
    { "parallel", required_argument, NULL, SECTORCTL_GIVEN_PARALLEL },
    { "all", no_argument, NULL, SECTORCTL_GIVEN_ALL },
    { "once", no_argument, NULL, SECTORCTL_GIVEN_ONCE },
    { "proxy", required_argument, NULL, SECTORCTL_GIVEN_PROXY },
    { "prefix", required_argument, NULL, SECTORCTL_GIVEN_PREFIX },
    { "minutes", required_argument, NULL, SECTORCTL_GIVEN_MINUTES },
    { "degraded", no_argument, NULL, SECTORCTL_GIVEN_DEGRADED },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 }
};


static sectorctl_code_e sectorctl_parse(sectorctl_t *ctl,
    sectorctl_given_t *given, unsigned *options, int argc, char **argv);
static sectorctl_code_e sectorctl_parse_one(sectorctl_t *ctl,
    sectorctl_given_t *given, unsigned *options, int option);
static sectorctl_code_e sectorctl_parse_value(sectorctl_t *ctl, int option);
static sectorctl_code_e sectorctl_parse_number(const char *name, long most,
    size_t *value);
static const sectorctl_command_t *sectorctl_find(const char *name);
static sectorctl_code_e sectorctl_check(sectorctl_t *ctl,
    const sectorctl_command_t *command, unsigned options);
static sectorctl_code_e sectorctl_run(sectorctl_t *ctl,
    const sectorctl_command_t *command, sectorctl_given_t *given);
static sectorctl_code_e sectorctl_help_of(sectorctl_t *ctl);
static void sectorctl_help(void);


int
main(int argc, char **argv)
{
    unsigned                    options;
    sectorctl_t                 ctl;
    sectorctl_code_e            code;
    sectorctl_given_t           given;
    const sectorctl_command_t  *command;

    setlocale(LC_CTYPE, "");

    memset(&ctl, 0, sizeof(sectorctl_t));
    memset(&given, 0, sizeof(sectorctl_given_t));

    ctl.parallel = SECTORCTL_PARALLEL;
    ctl.minutes = SECTORCTL_MINUTES;
    options = 0;

    code = sectorctl_parse(&ctl, &given, &options, argc, argv);
    if (code != SECTORCTL_OK) {
        return code;
    }

    if (ctl.n_args == 0) {
        sectorctl_error("no command, see \"sectorctl help\"");
        return SECTORCTL_USAGE;
    }

    if (strcmp(ctl.args[0], "help") == 0) {
        return sectorctl_help_of(&ctl);
    }

    command = sectorctl_find(ctl.args[0]);
    if (command == NULL) {
        sectorctl_error("no command \"%s\", see \"sectorctl help\"",
                        ctl.args[0]);
        return SECTORCTL_USAGE;
    }

    ctl.args++;
    ctl.n_args--;

    code = sectorctl_check(&ctl, command, options);
    if (code != SECTORCTL_OK) {
        return code;
    }

    return sectorctl_run(&ctl, command, &given);
}


static sectorctl_code_e
sectorctl_parse(sectorctl_t *ctl, sectorctl_given_t *given,
    unsigned *options, int argc, char **argv)
{
    int                option;
    sectorctl_code_e   code;
    static char        name[] = "sectorctl";

    if (argc > 0) {
        argv[0] = name;     /* getopt's messages begin with it */
    }

    while ((option = getopt_long(argc, argv, "hV", sectorctl_options, NULL))
           != -1)
    {
        code = sectorctl_parse_one(ctl, given, options, option);
        if (code != SECTORCTL_OK) {
            return code;
        }
    }

    ctl->args = argv + optind;
    ctl->n_args = (size_t) (argc - optind);

    return SECTORCTL_OK;
}


static sectorctl_code_e
sectorctl_parse_one(sectorctl_t *ctl, sectorctl_given_t *given,
    unsigned *options, int option)
{
    switch (option) {

    case SECTORCTL_GIVEN_URL:
        given->server = optarg;
        break;

    case SECTORCTL_GIVEN_API_URL:
        given->urls[SECTORCTL_API] = optarg;
        break;

    case SECTORCTL_GIVEN_STATUS_URL:
        given->urls[SECTORCTL_STATUS] = optarg;
        break;

    case SECTORCTL_GIVEN_ADMIN_URL:
        given->urls[SECTORCTL_ADMIN] = optarg;
        break;

    case SECTORCTL_GIVEN_KEY_FILE:
        given->key_file = optarg;
        break;

    case SECTORCTL_GIVEN_TTL:
        ctl->ttl = optarg;
        *options |= SECTORCTL_OPT_TTL;
        break;

    case SECTORCTL_GIVEN_PROXY:
        ctl->proxy = optarg;
        break;

    case SECTORCTL_GIVEN_PREFIX:
        ctl->prefix = optarg;
        *options |= SECTORCTL_OPT_PREFIX;
        break;

    case SECTORCTL_GIVEN_ALL:
        ctl->all = 1;
        *options |= SECTORCTL_OPT_ALL;
        break;

    case SECTORCTL_GIVEN_ONCE:
        ctl->once = 1;
        *options |= SECTORCTL_OPT_ONCE;
        break;

    case SECTORCTL_GIVEN_DEGRADED:
        ctl->degraded = 1;
        *options |= SECTORCTL_OPT_DEGRADED;
        break;

    case SECTORCTL_GIVEN_MINUTES:
        *options |= SECTORCTL_OPT_MINUTES;
        return sectorctl_parse_value(ctl, option);

    case SECTORCTL_GIVEN_PARALLEL:
        *options |= SECTORCTL_OPT_PARALLEL;
        return sectorctl_parse_value(ctl, option);

    default:
        return sectorctl_parse_value(ctl, option);
    }

    return SECTORCTL_OK;
}


/* Those that can be wrong, and those that end here. */

static sectorctl_code_e
sectorctl_parse_value(sectorctl_t *ctl, int option)
{
    switch (option) {

    case SECTORCTL_GIVEN_JSON:
        ctl->json = 1;
        return SECTORCTL_OK;

    case SECTORCTL_GIVEN_TIMEOUT:
        ctl->timeout_ms = sectorctl_conf_time(optarg);

        if (ctl->timeout_ms == 0) {
            sectorctl_error("invalid --timeout \"%s\", allowed: a time up to "
                            "a day, as 30, 1.5, 500ms, 30s, 2m", optarg);
            return SECTORCTL_USAGE;
        }

        return SECTORCTL_OK;

    case SECTORCTL_GIVEN_PARALLEL:
        return sectorctl_parse_number("parallel", 64, &ctl->parallel);

    case SECTORCTL_GIVEN_MINUTES:
        return sectorctl_parse_number("minutes", SECTORCTL_MINUTES_MAX,
                                      &ctl->minutes);

    case SECTORCTL_GIVEN_KEY:
        sectorctl_error("no key is taken from the command line, where other "
                        "users see it: use SECTORCTL_KEY or --key-file");
        return SECTORCTL_USAGE;

    case 'h':
        sectorctl_help();
        exit(SECTORCTL_OK);

    case 'V':
        printf("sectorctl %s\n", SECTORCTL_VERSION);
        exit(SECTORCTL_OK);
    }

    /* getopt has said what is wrong */

    return SECTORCTL_USAGE;
}


static sectorctl_code_e
sectorctl_parse_number(const char *name, long most, size_t *value)
{
    char  *end;
    long   n;

    n = strtol(optarg, &end, 10);

    if (*optarg < '1' || *optarg > '9' || *end || n > most) {
        sectorctl_error("invalid --%s \"%s\", allowed: 1 to %ld", name,
                        optarg, most);
        return SECTORCTL_USAGE;
    }

    *value = (size_t) n;

    return SECTORCTL_OK;
}


static const sectorctl_command_t *
sectorctl_find(const char *name)
{
    const sectorctl_command_t  *command;

    for (command = sectorctl_commands; command->name; command++) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }

    return NULL;
}


static sectorctl_code_e
sectorctl_check(sectorctl_t *ctl, const sectorctl_command_t *command,
    unsigned options)
{
    size_t  i;

    if (ctl->n_args < command->least || ctl->n_args > command->most
        || (options & ~command->options))
    {
        sectorctl_error("%s: usage: sectorctl %s%s%s",
                        options & ~command->options
                        ? "an option that the command does not have"
                        : ctl->n_args < command->least ? "too few arguments"
                        : "too many arguments", command->name,
                        *command->synopsis ? " " : "", command->synopsis);
        return SECTORCTL_USAGE;
    }

    for (i = 0; i < ctl->n_args && i < command->symbols; i++) {
        if (!sectorctl_conf_symbol(ctl->args[i])) {
            sectorctl_error("invalid symbol \"%s\", allowed: 1 to %d of "
                            "A-Z 0-9 . - ^ = & _", ctl->args[i],
                            SECTORCTL_SYMBOL_MAX);
            return SECTORCTL_USAGE;
        }
    }

    for (i = 0; i < ctl->n_args; i++) {
        if (*ctl->args[i] == '\0') {
            sectorctl_error("an empty argument");
            return SECTORCTL_USAGE;
        }
    }

    return SECTORCTL_OK;
}


static sectorctl_code_e
sectorctl_run(sectorctl_t *ctl, const sectorctl_command_t *command,
    sectorctl_given_t *given)
{
    int               i;
    sectorctl_code_e  code;

    curl_global_init(CURL_GLOBAL_DEFAULT);

    code = sectorctl_conf_urls(ctl, given);

    if (code == SECTORCTL_OK && (command->options & SECTORCTL_OPT_KEY)) {
        code = sectorctl_conf_key(ctl, given->key_file);
    }

    if (code == SECTORCTL_OK) {
        code = command->run(ctl);
    }

    explicit_bzero(ctl->key, sizeof(ctl->key));
    free(ctl->server);

    for (i = 0; i < SECTORCTL_PLACES; i++) {
        free(ctl->urls[i]);
    }

    curl_global_cleanup();

    if ((fflush(stdout) != 0 || ferror(stdout)) && code == SECTORCTL_OK) {
        sectorctl_error("standard output: %s", strerror(errno));
        code = SECTORCTL_LOCAL;
    }

    return code;
}


/* Of one command, or of all. */

static sectorctl_code_e
sectorctl_help_of(sectorctl_t *ctl)
{
    const sectorctl_command_t  *command;

    if (ctl->n_args == 1) {
        sectorctl_help();
        return SECTORCTL_OK;
    }

    command = sectorctl_find(ctl->args[1]);

    if (command == NULL || ctl->n_args > 2) {
        sectorctl_error("no command \"%s\", see \"sectorctl help\"",
                        ctl->args[ctl->n_args - 1]);
        return SECTORCTL_USAGE;
    }

    printf("usage: sectorctl %s%s%s\n\n%s\n%s", command->name,
           *command->synopsis ? " " : "", command->synopsis, command->help,
           command->options & SECTORCTL_OPT_KEY
           ? "To change something takes a key: SECTORCTL_KEY or --key-file.\n"
           : "");

    return SECTORCTL_OK;
}


static void
sectorctl_help(void)
{
    char                        line[128];
    const sectorctl_command_t  *command;

    puts("usage: sectorctl COMMAND [ARGUMENT...] [OPTION...]\n");

    for (command = sectorctl_commands; command->name; command++) {
        snprintf(line, sizeof(line), "%s %s", command->name,
                 command->synopsis);
        printf("  %-42s  %s\n", line, command->help);
    }

    puts("  help [COMMAND]                              this text, or a "
         "command's\n"
         "\n"
         "  --json              the server's JSON as it is\n"
         "  --url=URL           the server [SECTORCTL_URL, "
         "http://127.0.0.1:8080]\n"
         "  --api-url=URL       [SECTORCTL_API_URL, /api/v1/sectors]\n"
         "  --status-url=URL    [SECTORCTL_STATUS_URL, /sector-cache]\n"
         "  --admin-url=URL     [SECTORCTL_ADMIN_URL, /sector-cache/admin]\n"
         "  --key-file=FILE     whose key commands that write send "
         "[SECTORCTL_KEY,\n"
         "                      SECTORCTL_KEY_FILE]\n"
         "  --timeout=TIME      of a request [30s]; of wait-healthy in all "
         "[60s]\n"
         "  --proxy=URL         the way to the server, also of the key\n"
         "  --version\n"
         "\n"
         "exit: 0 done, 1 the answer is an error or unhealthy, 2 usage,\n"
         "3 no server, 4 refused, 5 timeout, 6 bad answer, 7 this machine");
}
