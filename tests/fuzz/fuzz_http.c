/*
 * What a client's and an upstream's header fields mean, beside models that
 * are written to be plain and not to be fast.
 *
 *     byte 0   bits 0-1: Accept-Encoding, a list of entity-tags, Retry-After,
 *              conditions; bit 2: compared weakly; bits 3-4: whose entity-tag
 *     rest     the value
 */

#include <ctype.h>

#include "fuzz.h"
#include "sector_http.h"


static const char *const  etags[] = {
    "\"a\"", "W/\"a\"", "W/\"0123456789abcdef\"", "\",\""
};


/* A part of a text. */

typedef struct {
    const char  *p;
    size_t       len;
} part_t;


static part_t
trim(part_t part)
{
    while (part.len > 0 && strchr(" \t", part.p[0]) && part.p[0] != '\0') {
        part.p++;
        part.len--;
    }

    while (part.len > 0 && strchr(" \t", part.p[part.len - 1])
           && part.p[part.len - 1] != '\0')
    {
        part.len--;
    }

    return part;
}


static int
is(part_t part, const char *word)
{
    size_t  i;

    for (i = 0; i < part.len && word[i] != '\0'; i++) {
        if (tolower((unsigned char) part.p[i]) != word[i]) {
            return 0;
        }
    }

    return i == part.len && word[i] == '\0';
}


/* The nth part of a text between separators; 0: there are not as many. */

static int
nth(part_t whole, char separator, size_t n, part_t *part)
{
    size_t  i, start;

    for (i = 0, start = 0; i <= whole.len; i++) {
        if (i == whole.len || whole.p[i] == separator) {
            if (n-- == 0) {
                part->p = whole.p + start;
                part->len = i - start;
                return 1;
            }

            start = i + 1;
        }
    }

    return 0;
}


/* A weight: malformed ones are 0, and none at all is 1. */

static double
model_weight(part_t element)
{
    char    text[8];
    size_t  i, skip;
    part_t  rest;

    for (skip = 0; skip < element.len && element.p[skip] != ';'; skip++) {
        /* the coding */
    }

    if (skip == element.len) {
        return 1;
    }

    rest.p = element.p + skip + 1;
    rest.len = element.len - skip - 1;
    rest = trim(rest);

    if (rest.len < 3 || rest.len > 7 || tolower(rest.p[0]) != 'q'
        || rest.p[1] != '=')
    {
        return 0;
    }

    memset(text, 0, sizeof(text));
    memcpy(text, rest.p + 2, rest.len - 2);

    if ((text[0] != '0' && text[0] != '1')
        || (rest.len > 3 && text[1] != '.'))
    {
        return 0;
    }

    for (i = 2; i < rest.len - 2; i++) {
        if (!isdigit((unsigned char) text[i])) {
            return 0;
        }
    }

    return strtod(text, NULL) > 1 ? 0 : strtod(text, NULL);
}


static int
model_accepts_gzip(part_t value)
{
    size_t  i;
    part_t  element, coding;
    double  weight, gzip, identity, any;

    gzip = identity = any = -1;

    for (i = 0; nth(value, ',', i, &element); i++) {
        (void) nth(element, ';', 0, &coding);
        coding = trim(coding);
        weight = model_weight(element);

        if ((is(coding, "gzip") || is(coding, "x-gzip")) && weight > gzip) {
            gzip = weight;
        }

        if (is(coding, "identity") && weight > identity) {
            identity = weight;
        }

        if (is(coding, "*") && weight > any) {
            any = weight;
        }
    }

    gzip = gzip < 0 ? any : gzip;

    return gzip > 0 && gzip >= identity;
}


/* How long an entity-tag at the text's beginning is; 0: there is none. */

static size_t
model_tag(part_t text)
{
    size_t         start, i;
    unsigned char  c;

    start = text.len > 1 && memcmp(text.p, "W/", 2) == 0 ? 2 : 0;

    if (text.len < start + 2 || text.p[start] != '"') {
        return 0;
    }

    for (i = start + 1; i < text.len; i++) {
        c = (unsigned char) text.p[i];

        if (c == '"') {
            return i + 1;
        }

        if (c <= ' ' || c == 0x7f) {
            return 0;
        }
    }

    return 0;
}


static int
model_etag_match(part_t list, part_t etag, int weak)
{
    int     ours_weak, weak_one;
    size_t  len;
    part_t  tag;

    list = trim(list);

    if (list.len == 1 && list.p[0] == '*') {
        return 1;
    }

    ours_weak = etag.p[0] == 'W';
    etag.p += ours_weak ? 2 : 0;
    etag.len -= ours_weak ? 2 : 0;

    while (list.len > 0) {
        if (list.p[0] == ',') {
            list.p++;
            list.len--;
            list = trim(list);
            continue;
        }

        len = model_tag(list);
        if (len == 0) {
            return 0;
        }

        tag.p = list.p;
        tag.len = len;
        weak_one = tag.p[0] == 'W';
        tag.p += weak_one ? 2 : 0;
        tag.len -= weak_one ? 2 : 0;

        list.p += len;
        list.len -= len;
        list = trim(list);

        if (list.len > 0 && list.p[0] != ',') {
            return 0;
        }

        if ((weak || (!weak_one && !ours_weak)) && tag.len == etag.len
            && memcmp(tag.p, etag.p, etag.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static int64_t
model_retry_after(part_t value)
{
    size_t  i;
    double  seconds;

    if (value.len == 0) {
        return -1;
    }

    for (i = 0, seconds = 0; i < value.len; i++) {
        if (memchr("0123456789", value.p[i], 10) == NULL) {
            return -1;
        }

        seconds = seconds * 10 + (value.p[i] - '0');
    }

    return seconds > SECTOR_HTTP_RETRY_AFTER_MAX ? SECTOR_HTTP_RETRY_AFTER_MAX
                                                 : (int64_t) seconds;
}


static void
check_etags(part_t value, unsigned choice)
{
    int     weak;
    part_t  etag;

    weak = (choice & 4) != 0;
    etag.p = etags[choice >> 3 & 3];
    etag.len = strlen(etag.p);

    fuzz_check(sector_http_etag_match(value.p, value.len, etag.p, etag.len,
                                      weak)
               == model_etag_match(value, etag, weak));

    /* an entity-tag of any bytes is none, or finds itself, but not strongly
     * where it is weak */

    if (value.len > 0 && model_tag(value) == value.len) {
        fuzz_check(sector_http_etag_match(value.p, value.len, value.p,
                                          value.len, 1));
        fuzz_check(sector_http_etag_match(value.p, value.len, value.p,
                                          value.len, 0)
                   == (value.p[0] != 'W'));

    } else if (!is(trim(value), "*")) {
        fuzz_check(!sector_http_etag_match(value.p, value.len, value.p,
                                           value.len, 1));
    }
}


static void
check_conditions(fuzz_input_t *in, unsigned choice)
{
    int                       match, none_match;
    char                     *one, *two;
    size_t                    one_len, two_len;
    part_t                    etag;
    int64_t                   modified;
    sector_http_verdict_e     expected;
    sector_http_conditions_t  c;

    etag.p = etags[choice >> 3 & 3];
    etag.len = strlen(etag.p);

    memset(&c, 0, sizeof(c));
    modified = (int64_t) (fuzz_byte(in) & 3) - 1;
    c.if_modified_since = (int64_t) (fuzz_byte(in) & 3) - 1;
    c.if_unmodified_since = (int64_t) (fuzz_byte(in) & 3) - 1;

    one = fuzz_take(in, fuzz_byte(in), &one_len);
    two = fuzz_take(in, in->left, &two_len);

    if ((choice & 0x20) != 0) {
        c.if_match = one != NULL ? one : "";
        c.if_match_len = one_len;
    }

    if ((choice & 0x40) != 0) {
        c.if_none_match = two != NULL ? two : "";
        c.if_none_match_len = two_len;
    }

    match = model_etag_match((part_t) { one, one_len }, etag, 0);
    none_match = model_etag_match((part_t) { two, two_len }, etag, 1);

    if (c.if_match != NULL ? !match
        : (modified >= 0 && c.if_unmodified_since >= 0
           && modified > c.if_unmodified_since))
    {
        expected = SECTOR_HTTP_FAILED;

    } else if (c.if_none_match != NULL ? none_match
               : (modified >= 0 && c.if_modified_since >= 0
                  && modified <= c.if_modified_since))
    {
        expected = SECTOR_HTTP_NOT_MODIFIED;

    } else {
        expected = SECTOR_HTTP_SEND;
    }

    fuzz_check(sector_http_evaluate(&c, etag.p, etag.len, modified)
               == expected);

    free(one);
    free(two);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char          *text;
    part_t         value;
    unsigned       choice;
    fuzz_input_t   in;

    in.p = data;
    in.left = size;
    choice = fuzz_byte(&in);

    if ((choice & 3) == 3) {
        check_conditions(&in, choice);
        return 0;
    }

    text = fuzz_take(&in, in.left, &value.len);
    value.p = text;

    switch (choice & 3) {

    case 0:
        fuzz_check(sector_http_accepts_gzip(value.p, value.len)
                   == model_accepts_gzip(value));
        break;

    case 1:
        check_etags(value, choice);
        break;

    default:
        fuzz_check(sector_http_retry_after(value.p, value.len)
                   == model_retry_after(value));
    }

    free(text);

    return 0;
}
