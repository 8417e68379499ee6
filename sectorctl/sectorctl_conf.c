/*
 * A key is never an option: what is on a command line, any user of the
 * machine can read in /proc, and a shell keeps in its history.  The
 * environment is for the process's own user alone, and so is a file, of which
 * that is checked.
 */

#include "sectorctl_conf.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>


#define SECTORCTL_URL           "http://127.0.0.1:8080"
#define SECTORCTL_KEY_FILE_MAX  65536


/* Of the reference configuration. */

static const struct {
    const char     *option;
    const char     *variable;
    const char     *path;
} sectorctl_places[SECTORCTL_PLACES] = {
    { "--api-url", "SECTORCTL_API_URL", "/api/v1/sectors" },
    { "--status-url", "SECTORCTL_STATUS_URL", "/sector-cache" },
    { "--admin-url", "SECTORCTL_ADMIN_URL", "/sector-cache/admin" }
};


static const char *sectorctl_conf_given(const char *option,
    const char *variable, const char *value);
static char *sectorctl_conf_url(const char *url, const char *what,
    unsigned flags);
static sectorctl_code_e sectorctl_conf_key_file(sectorctl_t *ctl,
    const char *name);
static sectorctl_code_e sectorctl_conf_key_read(sectorctl_t *ctl,
    const char *name, int fd);
static sectorctl_code_e sectorctl_conf_key_line(sectorctl_t *ctl,
    const char *name, char *text);
static sectorctl_code_e sectorctl_conf_key_set(sectorctl_t *ctl,
    const char *key, const char *from);


sectorctl_code_e
sectorctl_conf_urls(sectorctl_t *ctl, const sectorctl_given_t *given)
{
    int          i;
    char        *server, *url;
    const char  *value;

    value = sectorctl_conf_given(given->server, "SECTORCTL_URL",
                                 SECTORCTL_URL);

    server = sectorctl_conf_url(value, "--url", 0);
    if (server == NULL) {
        return SECTORCTL_USAGE;
    }

    ctl->server = sectorctl_conf_url(value, "--url", CURLU_DEFAULT_SCHEME);

    for (i = 0; i < SECTORCTL_PLACES; i++) {
        value = sectorctl_conf_given(given->urls[i],
                                     sectorctl_places[i].variable,
                                     sectorctl_places[i].path);

        url = sectorctl_format("%s%s", *value == '/' ? server : "", value);
        ctl->urls[i] = sectorctl_conf_url(url, sectorctl_places[i].option, 0);
        free(url);

        if (ctl->urls[i] == NULL) {
            free(server);
            return SECTORCTL_USAGE;
        }
    }

    free(server);

    return SECTORCTL_OK;
}


/* What is set but empty is not set. */

static const char *
sectorctl_conf_given(const char *option, const char *variable,
    const char *value)
{
    const char  *set;

    if (option) {
        return option;
    }

    set = getenv(variable);

    return (set && *set) ? set : value;
}


/* Checks a URL and returns it without a "/" at its end; with flags, for
 * people, without a user and a password.  Says what is wrong, without
 * repeating a URL that may hold one. */

static char *
sectorctl_conf_url(const char *url, const char *what, unsigned flags)
{
    char    *text, *copy, *part;
    CURLU   *u;
    size_t   len;

    u = curl_url();
    text = NULL;
    part = NULL;

    if (u == NULL
        || (strncmp(url, "http://", 7) != 0
            && strncmp(url, "https://", 8) != 0)
        || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK
        || curl_url_get(u, CURLUPART_QUERY, &part, 0) == CURLUE_OK
        || curl_url_get(u, CURLUPART_FRAGMENT, &part, 0) == CURLUE_OK)
    {
        sectorctl_error("invalid address in %s or its variable, allowed: "
                        "http[s]://host[:port][/path]", what);
        curl_free(part);
        curl_url_cleanup(u);
        return NULL;
    }

    if (flags) {
        curl_url_set(u, CURLUPART_USER, NULL, 0);
        curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
    }

    copy = (curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK)
           ? sectorctl_format("%s", text) : sectorctl_format("%s", what);

    for (len = strlen(copy); len && copy[len - 1] == '/'; len--) {
        copy[len - 1] = '\0';
    }

    curl_free(text);
    curl_url_cleanup(u);

    return copy;
}


sectorctl_code_e
sectorctl_conf_key(sectorctl_t *ctl, const char *key_file)
{
    const char  *value;

    if (key_file) {
        return sectorctl_conf_key_file(ctl, key_file);
    }

    value = getenv("SECTORCTL_KEY");

    if (value && *value) {
        return sectorctl_conf_key_set(ctl, value, "SECTORCTL_KEY");
    }

    value = getenv("SECTORCTL_KEY_FILE");

    if (value && *value) {
        return sectorctl_conf_key_file(ctl, value);
    }

    return SECTORCTL_OK;
}


static sectorctl_code_e
sectorctl_conf_key_file(sectorctl_t *ctl, const char *name)
{
    int               fd;
    struct stat       st;
    sectorctl_code_e  code;

    fd = open(name, O_RDONLY | O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        sectorctl_error("key file \"%s\": %s", name, strerror(errno));
        code = SECTORCTL_LOCAL;

    } else if (S_ISREG(st.st_mode) && (st.st_mode & 02)) {
        sectorctl_error("key file \"%s\" has mode %04o, allowed: one that "
                        "gives others no access, such as 0600", name,
                        (unsigned) (st.st_mode & 07777));
        code = SECTORCTL_LOCAL;

    } else {
        if (S_ISREG(st.st_mode) && (st.st_mode & 04)) {
            sectorctl_error("key file \"%s\" has mode %04o: others can read "
                            "it", name, (unsigned) (st.st_mode & 07777));
        }

        code = sectorctl_conf_key_read(ctl, name, fd);
    }

    if (fd != -1) {
        close(fd);
    }

    return code;
}


/* It may be a pipe: of a password manager. */

static sectorctl_code_e
sectorctl_conf_key_read(sectorctl_t *ctl, const char *name, int fd)
{
    char             *text;
    size_t            len;
    ssize_t           n;
    sectorctl_code_e  code;

    text = sectorctl_alloc(SECTORCTL_KEY_FILE_MAX + 1);
    len = 0;

    while (len < SECTORCTL_KEY_FILE_MAX) {
        n = read(fd, text + len, SECTORCTL_KEY_FILE_MAX - len);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            break;
        }

        len += (size_t) n;
    }

    text[len] = '\0';

    code = sectorctl_conf_key_line(ctl, name, text);

    explicit_bzero(text, len);
    free(text);

    return code;
}


/* The first line that is neither empty nor a comment, as the server reads its
 * own file: the same file serves both. */

static sectorctl_code_e
sectorctl_conf_key_line(sectorctl_t *ctl, const char *name, char *text)
{
    char    *line, *next;
    size_t   len;

    for (line = text; *line; line = next) {
        len = strcspn(line, "\n");
        next = line + len + (line[len] == '\n');
        line[len] = '\0';

        line += strspn(line, " \t");

        for (len = strlen(line); len && strchr(" \t\r", line[len - 1]);
             len--)
        {
            line[len - 1] = '\0';
        }

        if (*line && *line != '#') {
            return sectorctl_conf_key_set(ctl, line, name);
        }
    }

    sectorctl_error("no key in \"%s\", allowed: one in a line", name);

    return SECTORCTL_LOCAL;
}


/* What it has else would end the header that it is sent in. */

static sectorctl_code_e
sectorctl_conf_key_set(sectorctl_t *ctl, const char *key, const char *from)
{
    size_t  i, len;

    len = strlen(key);

    for (i = 0; i < len; i++) {
        if (key[i] <= ' ' || key[i] > '~') {
            break;
        }
    }

    if (i < len || len > SECTORCTL_KEY_MAX) {
        sectorctl_error("invalid key in %s, allowed: up to %d of printable "
                        "ASCII without spaces", from, SECTORCTL_KEY_MAX);
        return SECTORCTL_LOCAL;
    }

    memcpy(ctl->key, key, len + 1);

    return SECTORCTL_OK;
}


long
sectorctl_conf_time(const char *text)
{
    char    *end;
    size_t   i;
    double   value;

    static const struct {
        const char  *name;
        double       ms;
    } units[] = {
        { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
        { "h", 3600000 }
    };

    /* strtod() takes more than is meant */

    if (!isdigit((unsigned char) *text) || strpbrk(text, "xXeE")) {
        return 0;
    }

    value = strtod(text, &end);

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].name) == 0) {
            value = ceil(value * units[i].ms);

            return (value >= 1 && value <= 86400000) ? (long) value : 0;
        }
    }

    return 0;
}


int
sectorctl_conf_symbol(const char *text)
{
    size_t  len;

    len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                       "0123456789.-^=&_");

    return len >= 1 && len <= SECTORCTL_SYMBOL_MAX && text[len] == '\0'
           && text[strspn(text, ".")] != '\0';
}


int
sectorctl_conf_loopback(const char *url)
{
    int               is;
    char             *host, *name;
    CURLU            *u;
    size_t            len;
    struct in_addr    v4;
    struct in6_addr   v6;

    u = curl_url();
    host = NULL;
    is = 0;

    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK
        && curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
    {
        /* "[::1]"; curl itself has made 127.1 and 0x7f000001 one of four
         * numbers */

        name = sectorctl_format("%s", host[0] == '[' ? host + 1 : host);
        len = strlen(name);

        if (len && (name[len - 1] == ']' || name[len - 1] == '.')) {
            name[--len] = '\0';
        }

        if (inet_pton(AF_INET, name, &v4) == 1) {
            is = (ntohl(v4.s_addr) >> 24) == 127;

        } else if (inet_pton(AF_INET6, name, &v6) == 1) {
            is = IN6_IS_ADDR_LOOPBACK(&v6)
                 || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);

        } else {
            is = strcasecmp(name, "localhost") == 0
                 || (len > 10 && strcasecmp(name + len - 10, ".localhost")
                                 == 0);
        }

        free(name);
    }

    curl_free(host);
    curl_url_cleanup(u);

    return is;
}


long long
sectorctl_now_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (long long) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
