/*
 * warm: asks for each symbol once, some at a time, as any client would.  What
 * is fresh costs the upstream nothing, what is not is fetched once: the server
 * sees to that.
 */

#include "sectorctl_client.h"
#include "sectorctl_conf.h"
#include "sectorctl_print.h"
#include "sectorctl_term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>


typedef enum {
    SECTORCTL_WARM_FETCHED = 0,
    SECTORCTL_WARM_FRESH,       /* it was there */
    SECTORCTL_WARM_STALE,       /* it could not be fetched */
    SECTORCTL_WARM_OFF,         /* fetched, not kept: the cache is off */
    SECTORCTL_WARM_FAILED,
    SECTORCTL_WARM_KINDS
} sectorctl_warm_kind_e;


typedef struct {
    sectorctl_t        *ctl;
    CURLM              *multi;
    char              **symbols;
    sectorctl_call_t   *calls;      /* of each */
    size_t              n;
    size_t              started;
    size_t              done;
    size_t              kinds[SECTORCTL_WARM_KINDS];
    size_t              columns;    /* of a bar; 0: there is none */
    unsigned            stop:1;     /* no further call has a chance */
    sectorctl_code_e    code;       /* of the first that failed */
} sectorctl_warm_t;


static sectorctl_code_e sectorctl_warm_list(sectorctl_t *ctl,
    sectorctl_warm_t *warm);
static sectorctl_code_e sectorctl_warm_configured(sectorctl_call_t *call,
    sectorctl_warm_t *warm);
static void sectorctl_warm_run(sectorctl_warm_t *warm);
static void sectorctl_warm_start(sectorctl_warm_t *warm);
static void sectorctl_warm_take(sectorctl_warm_t *warm);
static sectorctl_warm_kind_e sectorctl_warm_kind(sectorctl_call_t *call);
static size_t sectorctl_warm_columns(sectorctl_t *ctl);
static void sectorctl_warm_bar(sectorctl_warm_t *warm);
static void sectorctl_warm_say(sectorctl_warm_t *warm, long long ms);


sectorctl_code_e
sectorctl_cmd_warm(sectorctl_t *ctl)
{
    size_t            i;
    long long         since;
    sectorctl_warm_t  warm;
    sectorctl_code_e  code;

    memset(&warm, 0, sizeof(sectorctl_warm_t));
    warm.ctl = ctl;

    code = sectorctl_warm_list(ctl, &warm);
    if (code != SECTORCTL_OK) {
        return code;
    }

    warm.calls = sectorctl_alloc((warm.n + 1) * sizeof(sectorctl_call_t));
    warm.columns = sectorctl_warm_columns(ctl);
    warm.multi = curl_multi_init();

    since = sectorctl_now_ms();

    sectorctl_warm_run(&warm);
    sectorctl_warm_say(&warm, sectorctl_now_ms() - since);

    for (i = 0; i < warm.n; i++) {
        free(warm.symbols[i]);
    }

    curl_multi_cleanup(warm.multi);
    free(warm.symbols);
    free(warm.calls);

    return warm.code;
}


/* Those of the command line, each once, or all that are configured. */

static sectorctl_code_e
sectorctl_warm_list(sectorctl_t *ctl, sectorctl_warm_t *warm)
{
    size_t            i, j;
    sectorctl_call_t  call;
    sectorctl_code_e  code;

    if (ctl->n_args == 0) {
        code = sectorctl_call(&call, ctl, SECTORCTL_API, "GET", "/symbols");

        if (code == SECTORCTL_OK) {
            code = sectorctl_warm_configured(&call, warm);

        } else {
            sectorctl_call_report(&call);
        }

        sectorctl_call_free(&call);

        return code;
    }

    warm->symbols = sectorctl_alloc(ctl->n_args * sizeof(char *));

    for (i = 0; i < ctl->n_args; i++) {
        for (j = 0; j < warm->n; j++) {
            if (strcasecmp(warm->symbols[j], ctl->args[i]) == 0) {
                break;
            }
        }

        if (j == warm->n) {
            warm->symbols[warm->n++] = sectorctl_format("%s", ctl->args[i]);
        }
    }

    return SECTORCTL_OK;
}


static sectorctl_code_e
sectorctl_warm_configured(sectorctl_call_t *call, sectorctl_warm_t *warm)
{
    size_t       i;
    json_t      *list, *one;
    const char  *symbol;

    list = sectorctl_call_data(call);

    if (json_is_object(list)) {
        list = json_object_get(list, "symbols");
    }

    warm->symbols = sectorctl_alloc((json_array_size(list) + 1)
                                    * sizeof(char *));

    json_array_foreach(list, i, one) {
        symbol = json_string_value(json_object_get(one, "symbol"));

        if (symbol && sectorctl_conf_symbol(symbol)) {
            warm->symbols[warm->n++] = sectorctl_format("%s", symbol);
        }
    }

    if (warm->n == 0) {
        sectorctl_error("%s names no symbols", call->ctl->server);
        free(warm->symbols);
        return SECTORCTL_BAD_ANSWER;
    }

    return SECTORCTL_OK;
}


static void
sectorctl_warm_run(sectorctl_warm_t *warm)
{
    int  running;

    sectorctl_warm_bar(warm);

    for ( ;; ) {
        while (!warm->stop && warm->started < warm->n
               && warm->started - warm->done < warm->ctl->parallel)
        {
            sectorctl_warm_start(warm);
        }

        if (warm->done == warm->started) {
            break;
        }

        curl_multi_perform(warm->multi, &running);
        sectorctl_warm_take(warm);

        if (running) {
            curl_multi_poll(warm->multi, NULL, 0, 1000, NULL);
        }
    }
}


static void
sectorctl_warm_start(sectorctl_warm_t *warm)
{
    char              *path;
    sectorctl_call_t  *call;

    call = &warm->calls[warm->started];
    path = sectorctl_call_symbol("/", warm->symbols[warm->started]);

    sectorctl_call_start(call, warm->ctl, SECTORCTL_API, "GET", path, NULL,
                         0);
    curl_multi_add_handle(warm->multi, call->easy);

    warm->started++;
    free(path);
}


/* What has ended since. */

static void
sectorctl_warm_take(sectorctl_warm_t *warm)
{
    int                n;
    char              *private;
    CURLMsg           *message;
    CURLcode           rc;
    sectorctl_call_t  *call;

    while ((message = curl_multi_info_read(warm->multi, &n))) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }

        rc = message->data.result;
        private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        call = (sectorctl_call_t *) private;

        curl_multi_remove_handle(warm->multi, call->easy);
        sectorctl_call_end(call, rc);

        warm->done++;
        warm->kinds[sectorctl_warm_kind(call)]++;

        if (call->code == SECTORCTL_NO_SERVER
            || call->code == SECTORCTL_REFUSED)
        {
            warm->stop = 1;
        }

        if (warm->code == SECTORCTL_OK) {
            warm->code = call->code;
        }

        sectorctl_warm_bar(warm);
    }
}


static sectorctl_warm_kind_e
sectorctl_warm_kind(sectorctl_call_t *call)
{
    const char  *status;

    if (call->code != SECTORCTL_OK) {
        return SECTORCTL_WARM_FAILED;
    }

    status = json_string_value(json_object_get(
                         json_object_get(call->json, "metadata"),
                         "cacheStatus"));

    if (status == NULL) {
        status = strstr(call->cache, "stored") ? "miss"
                 : strstr(call->cache, "; hit") ? "hit"
                 : strstr(call->cache, "DISABLED") ? "disabled"
                 : strstr(call->cache, "fwd=stale") ? "stale" : "miss";
    }

    if (strcmp(status, "hit") == 0 || strcmp(status, "updating") == 0) {
        return SECTORCTL_WARM_FRESH;
    }

    if (strcmp(status, "stale") == 0 || strcmp(status, "disabled") == 0) {
        call->code = SECTORCTL_FAILED;
        snprintf(call->error, sizeof(call->error), "%s",
                 *status == 's' ? "is stale, and could not be fetched"
                                : "was fetched and not kept: the cache is "
                                  "off");

        return *status == 's' ? SECTORCTL_WARM_STALE : SECTORCTL_WARM_OFF;
    }

    return SECTORCTL_WARM_FETCHED;
}


/* A bar is for people: a file or a pipe gets the last line alone. */

static size_t
sectorctl_warm_columns(sectorctl_t *ctl)
{
    struct winsize   size;

    if (ctl->json || !sectorctl_term_able()) {
        return 0;
    }

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1 || size.ws_col == 0) {
        return 80;
    }

    return size.ws_col < 24 ? 24 : size.ws_col;
}


static void
sectorctl_warm_bar(sectorctl_warm_t *warm)
{
    int     room, filled, i;
    char    count[64];

    if (warm->columns == 0) {
        return;
    }

    snprintf(count, sizeof(count), " %zu/%zu", warm->done, warm->n);

    room = (int) (warm->columns < 60 ? warm->columns : 60)
           - (int) strlen(count) - (int) sizeof("warm []");
    filled = (int) ((size_t) room * warm->done / warm->n);

    printf("\rwarm [");

    for (i = 0; i < room; i++) {
        putchar(i < filled ? '=' : i == filled ? '>' : ' ');
    }

    printf("]%s", count);
    fflush(stdout);
}


/* The bar's line is the summary's then. */

static void
sectorctl_warm_say(sectorctl_warm_t *warm, long long ms)
{
    size_t                  i;
    sectorctl_call_t       *call;

    static const char  *words[] = {
        "fetched", "fresh already", "stale", "not kept", "failed"
    };

    if (warm->columns) {
        printf("\r\033[K");
    }

    if (!warm->ctl->json) {
        printf("warmed %zu of %zu in %.1f s",
               warm->kinds[SECTORCTL_WARM_FETCHED]
               + warm->kinds[SECTORCTL_WARM_FRESH], warm->n,
               (double) ms / 1000);

        for (i = 0; i < SECTORCTL_WARM_KINDS; i++) {
            if (warm->kinds[i]) {
                printf(", %zu %s", warm->kinds[i], words[i]);
            }
        }

        putchar('\n');
        fflush(stdout);
    }

    for (i = 0; i < warm->started; i++) {
        call = &warm->calls[i];

        if (warm->ctl->json && call->json) {
            printf("%s\n", call->body);
        }

        if (call->code != SECTORCTL_OK) {
            fflush(stdout);
            sectorctl_error("%s: %s", warm->symbols[i], call->error);
        }

        sectorctl_call_free(call);
    }
}
