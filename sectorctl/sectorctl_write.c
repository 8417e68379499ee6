/*
 * set, clear, enable, disable, breaker: what changes something, by the admin
 * location.
 */

#include "sectorctl_client.h"
#include "sectorctl_conf.h"
#include "sectorctl_print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define SECTORCTL_INPUT_MAX  (64 * 1024 * 1024)


static char *sectorctl_write_input(const char *name, size_t *len);
static char *sectorctl_write_slurp(FILE *in, const char *name, size_t *len);
static sectorctl_code_e sectorctl_write_clear(sectorctl_t *ctl,
    const char *name);
static sectorctl_code_e sectorctl_write_removed(sectorctl_call_t *call,
    const char *what, const char *name);
static sectorctl_code_e sectorctl_write_enabled(sectorctl_t *ctl,
    int enabled);
static sectorctl_code_e sectorctl_write_breaker(sectorctl_t *ctl);
static sectorctl_code_e sectorctl_write_show_breaker(sectorctl_t *ctl);


sectorctl_code_e
sectorctl_cmd_set(sectorctl_t *ctl)
{
    char              *path, *query, *body;
    size_t             len;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    body = sectorctl_write_input(ctl->n_args > 1 ? ctl->args[1] : "-", &len);
    if (body == NULL) {
        return SECTORCTL_LOCAL;
    }

    path = sectorctl_call_path("/sectors/", ctl->args[0]);

    if (ctl->ttl) {
        query = sectorctl_format("%s?ttl=", path);
        free(path);
        path = sectorctl_call_path(query, ctl->ttl);
        free(query);
    }

    sectorctl_call_body(&call, ctl, SECTORCTL_ADMIN, "PUT", path, body, len);
    code = sectorctl_call_report(&call);

    if (code == SECTORCTL_OK && !ctl->json) {
        printf("%s: stored\n", ctl->args[0]);
    }

    sectorctl_call_free(&call);
    free(path);
    free(body);

    return code;
}


static char *
sectorctl_write_input(const char *name, size_t *len)
{
    char  *body;
    FILE  *in;

    if (strcmp(name, "-") == 0) {
        return sectorctl_write_slurp(stdin, "standard input", len);
    }

    in = fopen(name, "re");

    if (in == NULL) {
        sectorctl_error("\"%s\": %s", name, strerror(errno));
        return NULL;
    }

    body = sectorctl_write_slurp(in, name, len);
    fclose(in);

    return body;
}


static char *
sectorctl_write_slurp(FILE *in, const char *name, size_t *len)
{
    char    *body, *more;
    size_t   size;

    size = 65536;
    body = sectorctl_alloc(size);
    *len = 0;

    while (*len < SECTORCTL_INPUT_MAX) {
        if (*len == size) {
            more = realloc(body, 2 * size);
            if (more == NULL) {
                break;
            }

            body = more;
            size *= 2;
        }

        *len += fread(body + *len, 1, size - *len, in);

        if (ferror(in)) {
            break;
        }

        if (feof(in)) {
            return body;
        }
    }

    sectorctl_error("\"%s\": %s", name,
                    ferror(in) ? strerror(errno) : "too large");
    free(body);

    return NULL;
}


sectorctl_code_e
sectorctl_cmd_clear(sectorctl_t *ctl)
{
    size_t            i;
    sectorctl_call_t  call;
    sectorctl_code_e  code, worst;

    if (ctl->all == (ctl->n_args > 0)) {
        sectorctl_error("clear wants namespaces or symbols, or --all");
        return SECTORCTL_USAGE;
    }

    if (ctl->all) {
        sectorctl_call(&call, ctl, SECTORCTL_ADMIN, "DELETE", "/");
        return sectorctl_write_removed(&call, "", "all");
    }

    worst = SECTORCTL_OK;

    for (i = 0; i < ctl->n_args; i++) {
        code = sectorctl_write_clear(ctl, ctl->args[i]);

        if (code > SECTORCTL_FAILED) {
            return code;
        }

        worst = code > worst ? code : worst;
    }

    return worst;
}


/* A name may be of both kinds.  The server knows its namespaces: what it does
 * not have (404), or has as another endpoint (405), is a symbol. */

static sectorctl_code_e
sectorctl_write_clear(sectorctl_t *ctl, const char *name)
{
    char              *path;
    sectorctl_call_t   call;

    path = sectorctl_call_path("/", name);
    sectorctl_call(&call, ctl, SECTORCTL_ADMIN, "DELETE", path);
    free(path);

    if (!sectorctl_conf_symbol(name)
        || (call.status != 404 && call.status != 405))
    {
        return sectorctl_write_removed(&call, "namespace ", name);
    }

    sectorctl_call_free(&call);

    path = sectorctl_call_path("/sectors/", name);
    sectorctl_call(&call, ctl, SECTORCTL_ADMIN, "DELETE", path);
    free(path);

    return sectorctl_write_removed(&call, "symbol ", name);
}


static sectorctl_code_e
sectorctl_write_removed(sectorctl_call_t *call, const char *what,
    const char *name)
{
    char              text[SECTORCTL_VALUE_MAX];
    json_t           *removed;
    sectorctl_code_e  code;

    code = sectorctl_call_report(call);

    if (code == SECTORCTL_OK && !call->ctl->json) {
        removed = json_object_get(sectorctl_call_data(call), "removed");

        printf("%s%s: %s removed\n", what, name,
               sectorctl_print_value(text, sizeof(text), removed));
    }

    /* who names something means that it is there */

    if (code == SECTORCTL_OK && *what
        && json_integer_value(json_object_get(sectorctl_call_data(call),
                                              "removed")) == 0)
    {
        fflush(stdout);
        sectorctl_error("%s%s: nothing was there to remove", what, name);
        code = SECTORCTL_FAILED;
    }

    sectorctl_call_free(call);

    return code;
}


sectorctl_code_e
sectorctl_cmd_enable(sectorctl_t *ctl)
{
    return sectorctl_write_enabled(ctl, 1);
}


sectorctl_code_e
sectorctl_cmd_disable(sectorctl_t *ctl)
{
    return sectorctl_write_enabled(ctl, 0);
}


static sectorctl_code_e
sectorctl_write_enabled(sectorctl_t *ctl, int enabled)
{
    const char        *body;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    body = enabled ? "{\"enabled\":true}" : "{\"enabled\":false}";

    sectorctl_call_body(&call, ctl, SECTORCTL_ADMIN, "PUT", "/enabled", body,
                        strlen(body));
    code = sectorctl_call_report(&call);

    if (code == SECTORCTL_OK && !ctl->json) {
        printf("caches: %s\n", enabled ? "enabled" : "disabled");
    }

    sectorctl_call_free(&call);

    return code;
}


sectorctl_code_e
sectorctl_cmd_breaker(sectorctl_t *ctl)
{
    return ctl->n_args > 1 ? sectorctl_write_breaker(ctl)
                           : sectorctl_write_show_breaker(ctl);
}


static sectorctl_code_e
sectorctl_write_breaker(sectorctl_t *ctl)
{
    char              *path, *body;
    const char        *state;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    state = ctl->args[1];

    if (strcmp(state, "open") != 0 && strcmp(state, "closed") != 0
        && strcmp(state, "auto") != 0)
    {
        sectorctl_error("invalid state \"%s\", allowed: open, closed, auto",
                        state);
        return SECTORCTL_USAGE;
    }

    path = sectorctl_call_path("/breaker/", ctl->args[0]);
    body = sectorctl_format("{\"state\":\"%s\"}", state);

    sectorctl_call_body(&call, ctl, SECTORCTL_ADMIN, "PUT", path, body,
                        strlen(body));
    code = sectorctl_call_report(&call);

    if (code == SECTORCTL_OK && !ctl->json) {
        sectorctl_print_object(sectorctl_call_data(&call), 0);
    }

    sectorctl_call_free(&call);
    free(path);
    free(body);

    return code;
}


/* Without a state it only looks, and needs no key. */

static sectorctl_code_e
sectorctl_write_show_breaker(sectorctl_t *ctl)
{
    json_t            *source;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    sectorctl_call(&call, ctl, SECTORCTL_STATUS, "GET", "/stats");

    source = json_object_get(json_object_get(sectorctl_call_data(&call),
                                             "sources"), ctl->args[0]);
    source = json_object_get(source, "breaker");

    if (call.code == SECTORCTL_OK && source == NULL) {
        sectorctl_error("the server has no source \"%s\"", ctl->args[0]);
        code = SECTORCTL_FAILED;

    } else if (call.code == SECTORCTL_OK && ctl->json) {
        json_dumpf(source, stdout, JSON_COMPACT);
        putchar('\n');
        code = SECTORCTL_OK;

    } else {
        code = sectorctl_call_report(&call);

        if (code == SECTORCTL_OK) {
            sectorctl_print_object(source, 0);
        }
    }

    sectorctl_call_free(&call);

    return code;
}
