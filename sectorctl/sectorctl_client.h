/*
 * One request to the server, and what its answer means.
 *
 *     sectorctl_call_t  call;
 *
 *     code = sectorctl_call(&call, ctl, SECTORCTL_STATUS, "GET", "/stats");
 *     ...
 *     sectorctl_call_free(&call);
 *
 * Several at once: sectorctl_call_start(), call.easy into a curl multi
 * handle, out of it when it is done, sectorctl_call_end().
 */

#ifndef SECTORCTL_CLIENT_H
#define SECTORCTL_CLIENT_H


#include "sectorctl.h"

#include <curl/curl.h>
#include <jansson.h>


typedef struct {
    sectorctl_t        *ctl;
    sectorctl_place_e   place;
    CURL               *easy;
    struct curl_slist  *headers;
    char               *url;
    char                reason[CURL_ERROR_SIZE];

    /* the answer */

    sectorctl_code_e    code;
    long                status;         /* 0: there is none */
    char               *body;           /* terminated; NULL: there is none */
    size_t              len;
    size_t              size;
    json_t             *json;           /* an object, an array or NULL */
    char               *location;       /* of a redirect, or NULL */
    char                cache[128];     /* Cache-Status, "": there is none */
    char                error[512];     /* a sentence, of a code but OK */
} sectorctl_call_t;


/* Prepares a request.  path begins with a "/" or is empty, and what is in it
 * is escaped; body is NULL or stays where it is until the call has ended. */

void sectorctl_call_start(sectorctl_call_t *call, sectorctl_t *ctl,
    sectorctl_place_e place, const char *method, const char *path,
    const char *body, size_t len);


/* Takes what curl says of it: sets, and returns, call->code. */

sectorctl_code_e sectorctl_call_end(sectorctl_call_t *call, CURLcode rc);


/* Both, with what is between them; says nothing. */

sectorctl_code_e sectorctl_call(sectorctl_call_t *call, sectorctl_t *ctl,
    sectorctl_place_e place, const char *method, const char *path);
sectorctl_code_e sectorctl_call_body(sectorctl_call_t *call, sectorctl_t *ctl,
    sectorctl_place_e place, const char *method, const char *path,
    const char *body, size_t len);

void sectorctl_call_free(sectorctl_call_t *call);


/* What a command does with an answer first: with --json prints it as it is,
 * and says on stderr what is wrong with it.  Returns call->code. */

sectorctl_code_e sectorctl_call_report(sectorctl_call_t *call);


/* The answer's data: without an envelope it is the answer. */

json_t *sectorctl_call_data(sectorctl_call_t *call);


/* path with a name behind it, escaped; the caller frees it. */

char *sectorctl_call_path(const char *path, const char *name);


/* The same with a symbol, in capitals: in small letters it may be the name of
 * an endpoint.  The caller frees it. */

char *sectorctl_call_symbol(const char *path, const char *symbol);


#endif /* SECTORCTL_CLIENT_H */
