/*
 * The key is sent to the admin location and nowhere else, and no redirect is
 * followed: it would carry the key to whoever the answer names, and a server
 * that redirects is at another address than was given.  Certificates are
 * checked against the system's authorities, or those of SSL_CERT_FILE.
 */

#include "sectorctl_client.h"
#include "sectorctl_conf.h"
#include "sectorctl_print.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


#define SECTORCTL_BODY_MAX  (64 * 1024 * 1024)


static void sectorctl_call_options(sectorctl_call_t *call,
    const char *method);
static void sectorctl_call_protocols(CURL *easy);
static void sectorctl_call_proxy(sectorctl_call_t *call);
static void sectorctl_call_header(sectorctl_call_t *call, const char *line);
static size_t sectorctl_call_write(char *data, size_t size, size_t n,
    void *arg);
static size_t sectorctl_call_head(char *data, size_t size, size_t n,
    void *arg);
static sectorctl_code_e sectorctl_call_lost(sectorctl_call_t *call,
    CURLcode rc);
static sectorctl_code_e sectorctl_call_judge(sectorctl_call_t *call);
static sectorctl_code_e sectorctl_call_refused(sectorctl_call_t *call);
static const char *sectorctl_call_text(sectorctl_call_t *call,
    const char *name);
static sectorctl_code_e sectorctl_call_fail(sectorctl_call_t *call,
    sectorctl_code_e code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


void
sectorctl_call_start(sectorctl_call_t *call, sectorctl_t *ctl,
    sectorctl_place_e place, const char *method, const char *path,
    const char *body, size_t len)
{
    char  *line;

    memset(call, 0, sizeof(sectorctl_call_t));

    call->ctl = ctl;
    call->place = place;
    call->url = sectorctl_format("%s%s", ctl->urls[place], path);

    call->easy = curl_easy_init();
    if (call->easy == NULL) {
        sectorctl_error("no memory");
        exit(SECTORCTL_LOCAL);
    }

    sectorctl_call_options(call, method);
    sectorctl_call_header(call, "Accept: application/json");

    if (body) {
        sectorctl_call_header(call, "Content-Type: application/json");
        sectorctl_call_header(call, "Expect:");

        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t) len);
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, body);
    }

    if (place == SECTORCTL_ADMIN && ctl->key[0]) {
        line = sectorctl_format("X-API-Key: %s", ctl->key);
        sectorctl_call_header(call, line);
        explicit_bzero(line, strlen(line));
        free(line);
    }

    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}


static void
sectorctl_call_options(sectorctl_call_t *call, const char *method)
{
    long         timeout;
    CURL        *easy;
    const char  *authorities;

    easy = call->easy;
    timeout = call->ctl->timeout_ms;

    curl_easy_setopt(easy, CURLOPT_URL, call->url);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     timeout ? timeout : SECTORCTL_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "sectorctl/" SECTORCTL_VERSION);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->reason);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, sectorctl_call_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, sectorctl_call_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);

    sectorctl_call_protocols(easy);
    sectorctl_call_proxy(call);

    authorities = getenv("SSL_CERT_FILE");

    if (authorities && *authorities) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, authorities);
    }
}


static void
sectorctl_call_protocols(CURL *easy)
{
#if (LIBCURL_VERSION_NUM >= 0x075500)
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                     (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}


/*
 * A proxy of the environment is for pages out there.  It never sees the key,
 * with which it could change the server, and is no way to this machine.  One
 * that is named by --proxy is meant, but for this machine there is still none.
 */
static void
sectorctl_call_proxy(sectorctl_call_t *call)
{
    CURL         *easy;
    sectorctl_t  *ctl;

    easy = call->easy;
    ctl = call->ctl;

    if (sectorctl_conf_loopback(call->url)) {
        curl_easy_setopt(easy, CURLOPT_PROXY, "");

    } else if (ctl->proxy) {
        curl_easy_setopt(easy, CURLOPT_PROXY, ctl->proxy);
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "");

    } else if (call->place == SECTORCTL_ADMIN) {
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
}


static void
sectorctl_call_header(sectorctl_call_t *call, const char *line)
{
    struct curl_slist  *list;

    list = curl_slist_append(call->headers, line);

    if (list == NULL) {
        sectorctl_error("no memory");
        exit(SECTORCTL_LOCAL);
    }

    call->headers = list;
}


static size_t
sectorctl_call_write(char *data, size_t size, size_t n, void *arg)
{
    sectorctl_call_t *call = arg;

    char    *body;
    size_t   want;

    n *= size;

    if (call->len + n > SECTORCTL_BODY_MAX) {
        return 0;
    }

    if (call->len + n + 1 > call->size) {
        want = 2 * (call->len + n) + 1024;

        body = realloc(call->body, want);
        if (body == NULL) {
            return 0;
        }

        call->body = body;
        call->size = want;
    }

    memcpy(call->body + call->len, data, n);
    call->len += n;
    call->body[call->len] = '\0';

    return n;
}


static size_t
sectorctl_call_head(char *data, size_t size, size_t n, void *arg)
{
    sectorctl_call_t *call = arg;

    char         line[2048];
    size_t       len;
    const char  *value;

    len = n * size < sizeof(line) ? n * size : sizeof(line) - 1;

    while (len && strchr("\r\n", data[len - 1])) {
        len--;
    }

    memcpy(line, data, len);
    line[len] = '\0';

    value = strchr(line, ':');

    if (value) {
        value += 1 + strspn(value + 1, " \t");

        if (strncasecmp(line, "Cache-Status:", 13) == 0) {
            snprintf(call->cache, sizeof(call->cache), "%.*s",
                     (int) sizeof(call->cache) - 1, value);
        }

        if (strncasecmp(line, "Location:", 9) == 0 && !call->location) {
            call->location = sectorctl_format("%s", value);
        }
    }

    return n * size;
}


sectorctl_code_e
sectorctl_call_end(sectorctl_call_t *call, CURLcode rc)
{
    size_t  length;

    if (rc != CURLE_OK) {
        return sectorctl_call_lost(call, rc);
    }

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->status);

    length = call->body ? call->len : 0;

    call->json = length ? json_loadb(call->body, length, JSON_ALLOW_NUL, NULL)
                        : NULL;

    if (call->json && !json_is_object(call->json)
        && !json_is_array(call->json))
    {
        json_decref(call->json);
        call->json = NULL;
    }

    call->code = sectorctl_call_judge(call);

    return call->code;
}


/* There is no whole answer. */

static sectorctl_code_e
sectorctl_call_lost(sectorctl_call_t *call, CURLcode rc)
{
    long              timeout;
    const char       *reason, *server;
    sectorctl_code_e  code;

    timeout = call->ctl->timeout_ms ? call->ctl->timeout_ms
                                    : SECTORCTL_TIMEOUT_MS;
    reason = call->reason[0] ? call->reason : curl_easy_strerror(rc);
    server = call->ctl->server;

    switch (rc) {

    case CURLE_OPERATION_TIMEDOUT:
        return sectorctl_call_fail(call, SECTORCTL_TIMEOUT,
                                   "no answer of %s within %g s", server,
                                   (double) timeout / 1000);

    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_PARTIAL_FILE:
    case CURLE_WRITE_ERROR:
    case CURLE_BAD_CONTENT_ENCODING:
        code = SECTORCTL_BAD_ANSWER;
        break;

    case CURLE_OUT_OF_MEMORY:
        code = SECTORCTL_LOCAL;
        break;

    default:
        code = SECTORCTL_NO_SERVER;
    }

    return sectorctl_call_fail(call, code, "%s of %s: %s",
                               code == SECTORCTL_BAD_ANSWER ? "bad answer"
                               : "no answer", server, reason);
}


static sectorctl_code_e
sectorctl_call_judge(sectorctl_call_t *call)
{
    const char  *code, *text;

    if (call->status == 401 || call->status == 403) {
        return sectorctl_call_refused(call);
    }

    if (call->location && call->status / 100 == 3) {
        return sectorctl_call_fail(call, SECTORCTL_BAD_ANSWER,
                                   "%s redirects to %s, which is not followed",
                                   call->ctl->server, call->location);
    }

    if (call->json == NULL) {
        return sectorctl_call_fail(call, SECTORCTL_BAD_ANSWER,
                                   "the answer of %s is not JSON (status %ld)"
                                   "%s", call->ctl->server, call->status,
                                   call->status == 404
                                   ? ", is the address right?" : "");
    }

    if (call->status / 100 == 2
        && !json_is_false(json_object_get(call->json, "success")))
    {
        return SECTORCTL_OK;
    }

    code = sectorctl_call_text(call, "error_code");
    text = sectorctl_call_text(call, "error");

    return sectorctl_call_fail(call, SECTORCTL_FAILED, "%s (%ld%s%s)",
                               text ? text : "the answer is an error",
                               call->status, code ? " " : "",
                               code ? code : "");
}


static sectorctl_code_e
sectorctl_call_refused(sectorctl_call_t *call)
{
    const char  *text, *hint;

    text = sectorctl_call_text(call, "error");

    hint = call->place != SECTORCTL_ADMIN ? ""
           : call->ctl->key[0] ? ", a key was sent"
           : ", no key was given: SECTORCTL_KEY or --key-file";

    return sectorctl_call_fail(call, SECTORCTL_REFUSED,
                               "%s refuses this: %s (%ld)%s",
                               call->ctl->server,
                               text ? text : "not allowed", call->status,
                               hint);
}


static const char *
sectorctl_call_text(sectorctl_call_t *call, const char *name)
{
    return json_string_value(json_object_get(call->json, name));
}


static sectorctl_code_e
sectorctl_call_fail(sectorctl_call_t *call, sectorctl_code_e code,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vsnprintf(call->error, sizeof(call->error), fmt, args);
    va_end(args);

    call->code = code;

    return code;
}


sectorctl_code_e
sectorctl_call(sectorctl_call_t *call, sectorctl_t *ctl,
    sectorctl_place_e place, const char *method, const char *path)
{
    return sectorctl_call_body(call, ctl, place, method, path, NULL, 0);
}


sectorctl_code_e
sectorctl_call_body(sectorctl_call_t *call, sectorctl_t *ctl,
    sectorctl_place_e place, const char *method, const char *path,
    const char *body, size_t len)
{
    sectorctl_call_start(call, ctl, place, method, path, body, len);

    return sectorctl_call_end(call, curl_easy_perform(call->easy));
}


void
sectorctl_call_free(sectorctl_call_t *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    json_decref(call->json);
    free(call->location);
    free(call->body);
    free(call->url);

    memset(call, 0, sizeof(sectorctl_call_t));
}


sectorctl_code_e
sectorctl_call_report(sectorctl_call_t *call)
{
    if (call->ctl->json && call->json) {
        fwrite(call->body, 1, call->len, stdout);

        if (call->body[call->len - 1] != '\n') {
            putchar('\n');
        }
    }

    if (call->code != SECTORCTL_OK) {
        fflush(stdout);
        sectorctl_error("%s", call->error);
    }

    return call->code;
}


json_t *
sectorctl_call_data(sectorctl_call_t *call)
{
    json_t  *data;

    if (json_object_get(call->json, "success") == NULL) {
        return call->json;
    }

    data = json_object_get(call->json, "data");

    return data ? data : call->json;
}


char *
sectorctl_call_path(const char *path, const char *name)
{
    char        *all, *p;
    const char  *s;

    all = sectorctl_alloc(strlen(path) + 3 * strlen(name) + 1);
    p = all + sprintf(all, "%s", path);

    for (s = name; *s; s++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789-._~,", *s))
        {
            *p++ = *s;

        } else {
            p += sprintf(p, "%%%02X", (unsigned char) *s);
        }
    }

    *p = '\0';

    return all;
}


char *
sectorctl_call_symbol(const char *path, const char *symbol)
{
    char  *upper, *all, *p;

    upper = sectorctl_format("%s", symbol);

    for (p = upper; *p; p++) {
        *p = (char) toupper((unsigned char) *p);
    }

    all = sectorctl_call_path(path, upper);
    free(upper);

    return all;
}
