/*
 * The alternate screen keeps what was on the terminal before.  Signals come
 * by a descriptor, so that nothing is done inside a handler, and the terminal
 * is given back in one place, whatever ends the program.
 */

#include "sectorctl_term.h"
#include "sectorctl.h"
#include "sectorctl_print.h"

#include <langinfo.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>


#define SECTORCTL_ENTER  "\033[?1049h\033[?25l\033[2J"
#define SECTORCTL_LEAVE  "\033[?25h\033[?1049l"
#define SECTORCTL_HOME   "\033[H"
#define SECTORCTL_REST   "\033[J"       /* clears what is below */
#define SECTORCTL_EDGE   "\033[K"       /* clears what is to the right */


static void sectorctl_screen_add(sectorctl_screen_t *screen,
    const char *data, size_t len);
static void sectorctl_term_raw(void);
static void sectorctl_term_measure(sectorctl_term_t *term);
static sectorctl_event_e sectorctl_term_signal(sectorctl_term_t *term,
    int number);
static void sectorctl_term_stop(sectorctl_term_t *term);


static struct termios  sectorctl_term_before;
static int             sectorctl_term_has_keys;     /* before is valid */
static int             sectorctl_term_taken;


static const char *const  sectorctl_colours[] = {
    "", "\033[1m", "\033[7m", "\033[32m", "\033[33m", "\033[31;1m", "\033[2m"
};


void
sectorctl_screen_init(sectorctl_screen_t *screen,
    const sectorctl_term_t *term)
{
    const char  *no_colour;

    memset(screen, 0, sizeof(sectorctl_screen_t));

    screen->columns = term ? term->columns : SIZE_MAX;
    screen->lines = term ? term->lines : SIZE_MAX;
    screen->terminal = (term != NULL);
    screen->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

    no_colour = getenv("NO_COLOR");
    screen->colours = term && !(no_colour && *no_colour);
}


void
sectorctl_screen_free(sectorctl_screen_t *screen)
{
    free(screen->data);
    screen->data = NULL;
}


static void
sectorctl_screen_add(sectorctl_screen_t *screen, const char *data, size_t len)
{
    char  *more;

    if (screen->len + len + 1 > screen->size) {
        screen->size = 2 * (screen->len + len) + 4096;
        more = sectorctl_alloc(screen->size);

        if (screen->len) {
            memcpy(more, screen->data, screen->len);
        }

        free(screen->data);
        screen->data = more;
    }

    memcpy(screen->data + screen->len, data, len);
    screen->len += len;
}


void
sectorctl_screen_put(sectorctl_screen_t *screen, sectorctl_colour_e colour,
    const char *text)
{
    char    clean[1024];
    char   *p, *next;

    if (screen->line >= screen->lines || screen->column >= screen->columns) {
        return;
    }

    sectorctl_print_clean(clean, sizeof(clean), text);

    if (screen->colours) {
        sectorctl_screen_add(screen, sectorctl_colours[colour],
                             strlen(sectorctl_colours[colour]));
    }

    for (p = clean; *p && screen->column < screen->columns; p = next) {
        for (next = p + 1; ((unsigned char) *next & 0xc0) == 0x80; next++) {
            /* the rest of a character */
        }

        sectorctl_screen_add(screen, p, (size_t) (next - p));
        screen->column++;
    }

    if (screen->colours && colour != SECTORCTL_PLAIN) {
        sectorctl_screen_add(screen, "\033[0m", 4);
    }
}


void
sectorctl_screen_cell(sectorctl_screen_t *screen, sectorctl_colour_e colour,
    const char *text, size_t width, int right)
{
    char    clean[256], cell[512], *p;
    size_t  columns;

    columns = sectorctl_print_clean(clean, sizeof(clean), text);

    for (p = clean + strlen(clean); columns > width; columns--) {
        for (p--; ((unsigned char) *p & 0xc0) == 0x80; p--) {
            /* the rest of a character */
        }

        *p = '\0';
    }

    snprintf(cell, sizeof(cell), "%*s%s%*s",
             right ? (int) (width - columns) : 0, "", clean,
             (right ? 0 : (int) (width - columns)) + 1, "");

    sectorctl_screen_put(screen, colour, cell);
}


void
sectorctl_screen_end(sectorctl_screen_t *screen, sectorctl_colour_e fill)
{
    if (screen->line >= screen->lines) {
        return;
    }

    if (screen->terminal) {
        while (fill != SECTORCTL_PLAIN && screen->column < screen->columns) {
            sectorctl_screen_put(screen, fill, " ");
        }

        if (screen->column < screen->columns) {
            sectorctl_screen_add(screen, SECTORCTL_EDGE,
                                 sizeof(SECTORCTL_EDGE) - 1);
        }

    } else {
        while (screen->len && screen->data[screen->len - 1] == ' ') {
            screen->len--;
        }
    }

    screen->line++;
    screen->column = 0;

    /* a break on the last line would scroll */

    if (!screen->terminal) {
        sectorctl_screen_add(screen, "\n", 1);

    } else if (screen->line < screen->lines) {
        sectorctl_screen_add(screen, "\r\n", 2);
    }
}


void
sectorctl_screen_flush(sectorctl_screen_t *screen)
{
    if (screen->terminal) {
        fputs(SECTORCTL_HOME, stdout);
    }

    if (screen->len) {
        fwrite(screen->data, 1, screen->len, stdout);
    }

    if (screen->terminal && screen->line < screen->lines) {
        fputs(SECTORCTL_REST, stdout);
    }

    fflush(stdout);

    screen->len = 0;
    screen->line = 0;
    screen->column = 0;
}


int
sectorctl_term_able(void)
{
    const char  *term;

    term = getenv("TERM");

    return isatty(STDOUT_FILENO)
           && !(term && (*term == '\0' || strcmp(term, "dumb") == 0));
}


void
sectorctl_term_enter(sectorctl_term_t *term)
{
    sigset_t  set;

    memset(term, 0, sizeof(sectorctl_term_t));

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGWINCH);

    sigprocmask(SIG_BLOCK, &set, NULL);
    term->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);

    sectorctl_term_has_keys = isatty(STDIN_FILENO)
                              && tcgetattr(STDIN_FILENO,
                                           &sectorctl_term_before) == 0;
    term->keys = sectorctl_term_has_keys ? STDIN_FILENO : -1;

    atexit(sectorctl_term_leave);

    sectorctl_term_raw();
    sectorctl_term_measure(term);
}


/* Keys come at once and are not shown; Ctrl-C and Ctrl-Z stay signals. */

static void
sectorctl_term_raw(void)
{
    struct termios  raw;

    if (sectorctl_term_has_keys) {
        raw = sectorctl_term_before;
        raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;

        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    }

    sectorctl_term_taken = 1;
    fputs(SECTORCTL_ENTER, stdout);
    fflush(stdout);
}


void
sectorctl_term_leave(void)
{
    if (!sectorctl_term_taken) {
        return;
    }

    sectorctl_term_taken = 0;
    fputs(SECTORCTL_LEAVE, stdout);
    fflush(stdout);

    if (sectorctl_term_has_keys) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &sectorctl_term_before);
    }
}


static void
sectorctl_term_measure(sectorctl_term_t *term)
{
    struct winsize  size;

    term->columns = 80;
    term->lines = 24;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col
        && size.ws_row)
    {
        term->columns = size.ws_col;
        term->lines = size.ws_row;
    }
}


sectorctl_event_e
sectorctl_term_events(sectorctl_term_t *term)
{
    char                      key;
    ssize_t                   n;
    struct termios            still;
    sectorctl_event_e         event, one;
    struct signalfd_siginfo   info;

    event = SECTORCTL_EVENT_NONE;

    while (read(term->signals, &info, sizeof(info)) == sizeof(info)) {
        one = sectorctl_term_signal(term, (int) info.ssi_signo);
        event = one > event ? one : event;
    }

    while (term->keys != -1) {
        n = read(term->keys, &key, 1);

        if (n == 1 && key != 'q' && key != 'Q') {
            continue;
        }

        /* 0 is no key yet, or a terminal that is gone */

        if (n == 1 || tcgetattr(term->keys, &still) == -1) {
            return SECTORCTL_EVENT_LEAVE;
        }

        break;
    }

    return event;
}


static sectorctl_event_e
sectorctl_term_signal(sectorctl_term_t *term, int number)
{
    switch (number) {

    case SIGWINCH:
        sectorctl_term_measure(term);
        return SECTORCTL_EVENT_RESIZE;

    case SIGTSTP:
        sectorctl_term_stop(term);
        return SECTORCTL_EVENT_RESIZE;

    case SIGINT:
        return SECTORCTL_EVENT_LEAVE;

    default:
        term->killed = number;
        return SECTORCTL_EVENT_LEAVE;
    }
}


/* Ctrl-Z: the shell gets the terminal as it was, and we get it anew when we go
 * on. */

static void
sectorctl_term_stop(sectorctl_term_t *term)
{
    sectorctl_term_leave();
    raise(SIGSTOP);
    sectorctl_term_raw();
    sectorctl_term_measure(term);
}
