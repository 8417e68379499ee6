/*
 * status and wait-healthy: how the server is.
 */

#include "sectorctl_client.h"
#include "sectorctl_conf.h"
#include "sectorctl_frame.h"
#include "sectorctl_print.h"
#include "sectorctl_status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>


#define SECTORCTL_WAIT_STEP_MS  200     /* between two questions */


static void sectorctl_status_sleep(long ms);
static int sectorctl_status_waited(sectorctl_call_t *call, char *last,
    size_t size);


sectorctl_code_e
sectorctl_status_health(sectorctl_call_t *call)
{
    const char  *status;

    status = json_string_value(json_object_get(sectorctl_call_data(call),
                                               "status"));

    if (status == NULL || (call->status != 200 && call->status != 503)) {
        if (call->code == SECTORCTL_OK) {
            call->code = SECTORCTL_BAD_ANSWER;
            snprintf(call->error, sizeof(call->error),
                     "the answer of %s to /health has no status",
                     call->ctl->server);
        }

        return call->code;
    }

    call->code = SECTORCTL_OK;

    if (strcmp(status, "unhealthy") == 0) {
        call->code = SECTORCTL_FAILED;
        snprintf(call->error, sizeof(call->error), "%s is unhealthy",
                 call->ctl->server);
    }

    return call->code;
}


/* With --json it is /stats as it is; /health is asked all the same, so that
 * the exit code says the same. */

sectorctl_code_e
sectorctl_cmd_status(sectorctl_t *ctl)
{
    sectorctl_call_t    stats, health;
    sectorctl_code_e    code;
    sectorctl_view_t    view;
    sectorctl_screen_t  screen;

    sectorctl_call(&stats, ctl, SECTORCTL_STATUS, "GET", "/stats");
    code = sectorctl_call_report(&stats);

    if (code != SECTORCTL_OK) {
        sectorctl_call_free(&stats);
        return code;
    }

    sectorctl_call(&health, ctl, SECTORCTL_API, "GET", "/health");
    code = sectorctl_status_health(&health);

    if (!ctl->json) {
        memset(&view, 0, sizeof(sectorctl_view_t));
        view.server = ctl->server;
        view.now = stats.json;
        view.health = health.status ? sectorctl_call_data(&health) : NULL;

        sectorctl_screen_init(&screen, NULL);
        sectorctl_frame_draw(&screen, &view);
        sectorctl_screen_flush(&screen);
        sectorctl_screen_free(&screen);
    }

    if (code != SECTORCTL_OK) {
        fflush(stdout);
        sectorctl_error("%s", health.error);
    }

    sectorctl_call_free(&health);
    sectorctl_call_free(&stats);

    return code;
}


/* A server that does not listen yet, or answers something else while it
 * starts, is waited for; one that refuses is not. */

sectorctl_code_e
sectorctl_cmd_wait(sectorctl_t *ctl)
{
    long               total, left;
    char               last[512];
    long long          until;
    sectorctl_call_t   call;
    sectorctl_code_e   code;

    total = ctl->timeout_ms ? ctl->timeout_ms : SECTORCTL_WAIT_MS;
    until = sectorctl_now_ms() + total;
    last[0] = '\0';

    for (left = total; left > 0; left = (long) (until - sectorctl_now_ms())) {
        ctl->timeout_ms = left;

        sectorctl_call(&call, ctl, SECTORCTL_API, "GET", "/health");

        if (sectorctl_status_waited(&call, last, sizeof(last))) {
            code = sectorctl_call_report(&call);
            sectorctl_call_free(&call);
            return code;
        }

        sectorctl_call_free(&call);

        left = (long) (until - sectorctl_now_ms());

        if (left > SECTORCTL_WAIT_STEP_MS) {
            left = SECTORCTL_WAIT_STEP_MS;
        }

        sectorctl_status_sleep(left > 0 ? left : 0);
    }

    sectorctl_error("not healthy within %g s: %s", (double) total / 1000,
                    last);

    return SECTORCTL_TIMEOUT;
}


/* Whether there is nothing more to wait for, and else in last, why.  The last
 * call may have had no time for an answer, which says nothing. */

static int
sectorctl_status_waited(sectorctl_call_t *call, char *last, size_t size)
{
    const char        *status, *reason;
    sectorctl_code_e   code;

    code = sectorctl_status_health(call);

    if (code == SECTORCTL_REFUSED) {
        return 1;
    }

    if (code != SECTORCTL_OK && code != SECTORCTL_FAILED) {
        if (code != SECTORCTL_TIMEOUT || last[0] == '\0') {
            snprintf(last, size, "%s", call->error);
        }

        return 0;
    }

    status = json_string_value(json_object_get(sectorctl_call_data(call),
                                               "status"));

    if (status == NULL) {
        return 0;
    }

    if (code == SECTORCTL_OK
        && (call->ctl->degraded || strcmp(status, "healthy") == 0))
    {
        if (!call->ctl->json) {
            printf("%s\n", status);
        }

        return 1;
    }

    reason = json_string_value(json_array_get(
                     json_object_get(sectorctl_call_data(call), "reasons"),
                     0));

    snprintf(last, size, "it is %s%s%s", status, reason ? ": " : "",
             reason ? reason : "");

    return 0;
}


static void
sectorctl_status_sleep(long ms)
{
    struct timespec  ts;

    ts.tv_sec = ms / 1000;
    ts.tv_nsec = ms % 1000 * 1000000;

    while (nanosleep(&ts, &ts) == -1 && errno == EINTR) {
        /* what is left of it */
    }
}
