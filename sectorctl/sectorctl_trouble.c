#include "sectorctl_trouble.h"

#include <stdio.h>
#include <string.h>


static void sectorctl_trouble_source(sectorctl_screen_t *screen,
    const char *name, const json_t *source);
static void sectorctl_trouble_line(sectorctl_screen_t *screen,
    const char *name, const char *text);
static const char *sectorctl_trouble_error(char *text, size_t size,
    const char *label, const json_t *error);
static const char *sectorctl_trouble_time(char *text, size_t size,
    const json_t *object, const char *member, const char *never);


void
sectorctl_trouble_draw(sectorctl_screen_t *screen, const json_t *stats)
{
    json_t      *sources, *source;
    const char  *name, *state;

    sources = json_object_get(stats, "sources");

    json_object_foreach(sources, name, source) {
        state = json_string_value(json_object_get(
                               json_object_get(source, "breaker"), "state"));

        if (json_is_true(json_object_get(source, "failing"))
            || (state && strcmp(state, "closed") != 0))
        {
            sectorctl_screen_end(screen, SECTORCTL_PLAIN);
            sectorctl_trouble_source(screen, name, source);
        }
    }
}


static void
sectorctl_trouble_source(sectorctl_screen_t *screen, const char *name,
    const json_t *source)
{
    char           text[512], time[64];
    const json_t  *error;

    if (json_is_true(json_object_get(source, "failing"))) {
        snprintf(text, sizeof(text), "every fetch has failed since %s, %.0f "
                 "in a row",
                 sectorctl_trouble_time(time, sizeof(time), source,
                                        "failingSince", "the start"),
                 json_number_value(json_object_get(source, "failuresInRow")));
        sectorctl_trouble_line(screen, name, text);
        name = "";
    }

    error = json_object_get(source, "openedBecause");

    if (json_is_object(error)) {
        sectorctl_trouble_line(screen, name,
                             sectorctl_trouble_error(text, sizeof(text),
                                                     "breaker opened", error));
        name = "";
    }

    error = json_object_get(source, "lastError");

    if (json_is_object(error)) {
        sectorctl_trouble_line(screen, name,
                             sectorctl_trouble_error(text, sizeof(text),
                                                     "last error", error));
        name = "";
    }

    snprintf(text, sizeof(text), "last success: %s",
             sectorctl_trouble_time(time, sizeof(time), source, "lastSuccess",
                                    "never"));
    sectorctl_trouble_line(screen, name, text);

    snprintf(text, sizeof(text), "stale data lasts until: %s",
             sectorctl_trouble_time(time, sizeof(time), source, "staleUntil",
                                    "nothing is stale"));
    sectorctl_trouble_line(screen, "", text);
}


static void
sectorctl_trouble_line(sectorctl_screen_t *screen, const char *name,
    const char *text)
{
    sectorctl_screen_cell(screen, SECTORCTL_BOLD, name, 14, 0);
    sectorctl_screen_put(screen, SECTORCTL_PLAIN, text);
    sectorctl_screen_end(screen, SECTORCTL_PLAIN);
}


static const char *
sectorctl_trouble_error(char *text, size_t size, const char *label,
    const json_t *error)
{
    char         time[64];
    const char  *why, *symbol;

    why = json_string_value(json_object_get(error, "error"));
    symbol = json_string_value(json_object_get(error, "symbol"));

    snprintf(text, size, "%s: %s%s%s, %s", label, why ? why : "unknown",
             symbol ? ", of " : "", symbol ? symbol : "",
             sectorctl_trouble_time(time, sizeof(time), error, "time",
                                    "some time ago"));

    return text;
}


/* A time of the server, without its milliseconds. */

static const char *
sectorctl_trouble_time(char *text, size_t size, const json_t *object,
    const char *member, const char *never)
{
    int          len;
    const char  *time;

    time = json_string_value(json_object_get(object, member));

    if (time == NULL) {
        return never;
    }

    len = (int) strcspn(time, ".Z");
    snprintf(text, size, "%.*sZ", len, time);

    return text;
}
