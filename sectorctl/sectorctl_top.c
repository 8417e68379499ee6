/*
 * top: a look each second at /stats and /health, beside what a person does at
 * the terminal.  One loop waits for all of it, so that a server that does not
 * answer keeps nobody from leaving.
 *
 *     looks[]   what /stats said, the newest first: the second one gives the
 *               rates, the oldest the hit rate, which would jump otherwise
 */

#include "sectorctl_client.h"
#include "sectorctl_conf.h"
#include "sectorctl_frame.h"
#include "sectorctl_status.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define SECTORCTL_TOP_STEP_MS     1000
#define SECTORCTL_TOP_TIMEOUT_MS  5000
#define SECTORCTL_TOP_LOOKS       11
#define SECTORCTL_TOP_HISTORY     512


typedef struct {
    json_t              *stats;
    long long            at_ms;
} sectorctl_look_t;


typedef struct {
    sectorctl_t         *ctl;
    CURLM               *multi;
    sectorctl_call_t     calls[2];      /* of /stats and /health */
    size_t               running;       /* of these */
    long long            next_ms;       /* when they begin again */
    sectorctl_term_t     term;
    sectorctl_screen_t   screen;
    sectorctl_look_t     looks[SECTORCTL_TOP_LOOKS];
    size_t               n_looks;
    double               history[SECTORCTL_TOP_HISTORY];
    size_t               n_history;
    json_t              *health;
    char                 error[512];    /* "": the last look was one */
} sectorctl_top_t;


static void sectorctl_top_run(sectorctl_top_t *top);
static void sectorctl_top_wait(sectorctl_top_t *top);
static void sectorctl_top_start(sectorctl_top_t *top);
static void sectorctl_top_take(sectorctl_top_t *top);
static void sectorctl_top_look(sectorctl_top_t *top);
static void sectorctl_top_keep(sectorctl_top_t *top, json_t *stats);
static void sectorctl_top_draw(sectorctl_top_t *top);
static void sectorctl_top_free(sectorctl_top_t *top);


sectorctl_code_e
sectorctl_cmd_top(sectorctl_t *ctl)
{
    int               killed;
    sigset_t          set;
    sectorctl_top_t  *top;

    /* one look has no rates, and is what status shows */

    if (ctl->once) {
        return sectorctl_cmd_status(ctl);
    }

    if (ctl->json || !sectorctl_term_able()) {
        sectorctl_error("top needs a terminal that is not dumb; without one, "
                        "and for --json, use --once");
        return SECTORCTL_USAGE;
    }

    if (ctl->timeout_ms == 0) {
        ctl->timeout_ms = SECTORCTL_TOP_TIMEOUT_MS;
    }

    top = sectorctl_alloc(sizeof(sectorctl_top_t));
    top->ctl = ctl;
    top->multi = curl_multi_init();

    sectorctl_term_enter(&top->term);
    sectorctl_top_run(top);
    sectorctl_term_leave();

    killed = top->term.killed;
    sectorctl_top_free(top);

    if (killed) {
        sigemptyset(&set);
        sigaddset(&set, killed);
        signal(killed, SIG_DFL);
        raise(killed);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
    }

    return SECTORCTL_OK;
}


static void
sectorctl_top_run(sectorctl_top_t *top)
{
    int                running;
    sectorctl_event_e  event;

    sectorctl_top_draw(top);

    for ( ;; ) {
        if (top->running == 0 && sectorctl_now_ms() >= top->next_ms) {
            sectorctl_top_start(top);
        }

        curl_multi_perform(top->multi, &running);

        if (top->running) {
            sectorctl_top_take(top);
        }

        event = sectorctl_term_events(&top->term);

        if (event == SECTORCTL_EVENT_LEAVE) {
            return;
        }

        if (event == SECTORCTL_EVENT_RESIZE) {
            sectorctl_top_draw(top);
        }

        sectorctl_top_wait(top);
    }
}


static void
sectorctl_top_wait(sectorctl_top_t *top)
{
    long long            left;
    unsigned             n;
    struct curl_waitfd   fds[2];

    left = top->running ? SECTORCTL_TOP_STEP_MS
                        : top->next_ms - sectorctl_now_ms();

    memset(fds, 0, sizeof(fds));

    fds[0].fd = top->term.signals;
    fds[0].events = CURL_WAIT_POLLIN;
    n = 1;

    if (top->term.keys != -1) {
        fds[1].fd = top->term.keys;
        fds[1].events = CURL_WAIT_POLLIN;
        n = 2;
    }

    curl_multi_poll(top->multi, fds, n, left > 0 ? (int) left : 0, NULL);
}


static void
sectorctl_top_start(sectorctl_top_t *top)
{
    size_t  i;

    sectorctl_call_start(&top->calls[0], top->ctl, SECTORCTL_STATUS, "GET",
                         "/stats", NULL, 0);
    sectorctl_call_start(&top->calls[1], top->ctl, SECTORCTL_API, "GET",
                         "/health", NULL, 0);

    for (i = 0; i < 2; i++) {
        curl_multi_add_handle(top->multi, top->calls[i].easy);
    }

    top->running = 2;
    top->next_ms = sectorctl_now_ms() + SECTORCTL_TOP_STEP_MS;
}


static void
sectorctl_top_take(sectorctl_top_t *top)
{
    int                n;
    char              *private;
    CURLMsg           *message;
    CURLcode           rc;
    sectorctl_call_t  *call;

    while ((message = curl_multi_info_read(top->multi, &n))) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }

        rc = message->data.result;
        private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        call = (sectorctl_call_t *) private;

        curl_multi_remove_handle(top->multi, call->easy);
        sectorctl_call_end(call, rc);
        top->running--;
    }

    if (top->running == 0) {
        sectorctl_top_look(top);
        sectorctl_top_draw(top);
    }
}


/* Both have ended. */

static void
sectorctl_top_look(sectorctl_top_t *top)
{
    sectorctl_call_t  *stats, *health;

    stats = &top->calls[0];
    health = &top->calls[1];

    json_decref(top->health);
    top->health = NULL;
    top->error[0] = '\0';

    sectorctl_status_health(health);

    if (health->status) {
        top->health = json_incref(sectorctl_call_data(health));
    }

    if (stats->code == SECTORCTL_OK) {
        sectorctl_top_keep(top, json_incref(stats->json));

    } else {
        snprintf(top->error, sizeof(top->error), "%s", stats->error);
    }

    sectorctl_call_free(stats);
    sectorctl_call_free(health);
}


static void
sectorctl_top_keep(sectorctl_top_t *top, json_t *stats)
{
    double             rate;
    sectorctl_look_t  *looks;

    looks = top->looks;

    if (top->n_looks == SECTORCTL_TOP_LOOKS) {
        json_decref(looks[--top->n_looks].stats);
    }

    memmove(looks + 1, looks, top->n_looks * sizeof(sectorctl_look_t));

    looks[0].stats = stats;
    looks[0].at_ms = sectorctl_now_ms();

    if (top->n_looks++ == 0) {
        return;
    }

    rate = sectorctl_frame_rate(stats, looks[1].stats,
                                (double) (looks[0].at_ms - looks[1].at_ms)
                                / 1000, "totalRequests");

    if (top->n_history == SECTORCTL_TOP_HISTORY) {
        top->n_history--;
    }

    memmove(top->history + 1, top->history, top->n_history * sizeof(double));
    top->history[0] = rate;
    top->n_history++;
}


static void
sectorctl_top_draw(sectorctl_top_t *top)
{
    sectorctl_look_t  *looks;
    sectorctl_view_t   view;

    memset(&view, 0, sizeof(sectorctl_view_t));

    looks = top->looks;
    view.server = top->ctl->server;
    view.error = top->error[0] ? top->error
                 : top->n_looks == 0 ? "asking ..." : NULL;
    view.health = top->health;
    view.history = top->history;
    view.n_history = top->n_history;

    if (top->n_looks) {
        view.now = looks[0].stats;
    }

    if (top->n_looks > 1) {
        view.last = looks[1].stats;
        view.last_s = (double) (looks[0].at_ms - looks[1].at_ms) / 1000;
        view.base = looks[top->n_looks - 1].stats;
        view.base_s = (double) (looks[0].at_ms
                                - looks[top->n_looks - 1].at_ms) / 1000;
    }

    sectorctl_screen_init(&top->screen, &top->term);
    sectorctl_frame_draw(&top->screen, &view);
    sectorctl_screen_flush(&top->screen);
    sectorctl_screen_free(&top->screen);
}


static void
sectorctl_top_free(sectorctl_top_t *top)
{
    size_t  i;

    for (i = 0; i < 2; i++) {
        if (top->running && top->calls[i].easy) {
            curl_multi_remove_handle(top->multi, top->calls[i].easy);
            sectorctl_call_free(&top->calls[i]);
        }
    }

    for (i = 0; i < top->n_looks; i++) {
        json_decref(top->looks[i].stats);
    }

    json_decref(top->health);
    curl_multi_cleanup(top->multi);
    free(top);
}
