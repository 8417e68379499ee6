/*
 * sector_http: what a client's header fields and arguments mean.
 *
 * Layer 0: libc alone.  Every text is a pointer and a length, of any bytes;
 * nothing is terminated, nothing beyond the length is read, and nothing is
 * kept.  A text of length 0 may be NULL.  Each function takes time linear in
 * what it is given.
 *
 * OWS, optional whitespace, is blanks and tabs (RFC 9110, 5.6.3).
 */

#ifndef SECTOR_HTTP_H
#define SECTOR_HTTP_H


#include <stddef.h>
#include <stdint.h>


#define SECTOR_HTTP_RETRY_AFTER_MAX  31536000   /* seconds: 365 days */
#define SECTOR_HTTP_AGE_MAX          2147483648 /* seconds, RFC 9111, 1.2.2 */


typedef struct {
    const char  *text;          /* points into somebody else's */
    size_t       len;
} sector_http_item_t;


/*
 * Whether a response should be sent with gzip, after the value of the request's
 * Accept-Encoding (RFC 9110, 12.5.3): 1 or 0.
 *
 * It should if gzip weighs more than 0, and no less than identity where that
 * is named; "*" speaks for gzip where gzip is not named, and never for
 * identity.  Codings are compared without case, and x-gzip is gzip (8.4.1.3).
 * A coding without a weight weighs 1, one whose weight is malformed 0: it is
 * named, and not acceptable.  Of a coding named twice the greater weight
 * counts.  Empty elements and other codings mean nothing.  An empty value says
 * no; the caller decides about an absent one.
 */
int sector_http_accepts_gzip(const char *value, size_t len);


/*
 * Whether an entity-tag is in a list, the value of If-Match or If-None-Match
 * (RFC 9110, 8.8.3.2, 13.1.1, 13.1.2): 1 or 0.
 *
 * etag is as in ETag: "..." or W/"...", quotes included.  weak: 1 compares
 * without W/, 0 lets match only where neither has it.  A list that is "*"
 * alone matches whatever etag is; one that is no entity-tag, or is empty,
 * matches nothing else.  Elements are separated by commas, with OWS, and may
 * be empty; a comma between quotes belongs to the tag.  The first malformed
 * element ends the list: what came before it counts, it and the rest do not.
 */
int sector_http_etag_match(const char *list, size_t len, const char *etag,
    size_t etag_len, int weak);


/* A request's conditions.  A text that is NULL: there is no such header, where
 * one that is empty is a list that matches nothing. */

typedef struct {
    const char  *if_match;
    const char  *if_none_match;
    size_t       if_match_len;
    size_t       if_none_match_len;
    int64_t      if_modified_since;     /* seconds since the epoch; -1: absent
                                           or not a valid date */
    int64_t      if_unmodified_since;   /* the same */
} sector_http_conditions_t;


typedef enum {
    SECTOR_HTTP_SEND = 0,       /* as if there were no conditions */
    SECTOR_HTTP_NOT_MODIFIED,   /* 304 */
    SECTOR_HTTP_FAILED          /* 412 */
} sector_http_verdict_e;


/*
 * What becomes of a GET or HEAD with these conditions (RFC 9110, 13.2.2):
 *
 *     1  If-Match, compared strongly; where it is absent,
 *        If-Unmodified-Since                     false:  FAILED
 *     2  If-None-Match, compared weakly; where it is absent,
 *        If-Modified-Since                       false:  NOT_MODIFIED
 *     3                                                  SEND
 *
 * The entity-tag is as above.  modified_s is when the representation was last
 * modified, in seconds since the epoch; -1: unknown, and both dates are
 * ignored (13.1.3, 13.1.4).  The caller asks only where it would answer 200
 * without conditions (13.2.1).
 */
sector_http_verdict_e sector_http_evaluate(const sector_http_conditions_t *c,
    const char *etag, size_t etag_len, int64_t modified_s);


typedef enum {
    SECTOR_HTTP_LIST_OK = 0,
    SECTOR_HTTP_LIST_INVALID,   /* empty, or one of its items is */
    SECTOR_HTTP_LIST_TOO_MANY   /* more than max items, empty ones too */
} sector_http_list_e;


/*
 * Splits a text at its commas into *n <= max items that point into it.  Nothing
 * is trimmed, and what an item may be is the caller's to check.  Looks no
 * further than the first item too many, whatever is wrong with those before
 * it; an empty text is INVALID for any max.  Unless it returns OK, *n is 0 and
 * the items mean nothing.
 */
sector_http_list_e sector_http_symbols(const char *text, size_t len,
    size_t max, sector_http_item_t *items, size_t *n);


/*
 * Decodes the %XX of a query's value (RFC 3986, 2.1) and returns the length of
 * what is at out, where len bytes are enough; out may be text itself.  A "%"
 * without two hexadecimal digits stays as it is, and so does "+".  What was
 * decoded may be any byte, 0 too, and is not decoded again.
 */
size_t sector_http_unescape(const char *text, size_t len, char *out);


/*
 * The seconds of a Retry-After that says seconds (RFC 9110, 10.2.3), at most
 * SECTOR_HTTP_RETRY_AFTER_MAX, to which more is cut down; -1 where the value is
 * empty or not digits alone: it may be a date.
 */
int64_t sector_http_retry_after(const char *value, size_t len);


/*
 * The seconds of an Age (RFC 9111, 5.1), at most SECTOR_HTTP_AGE_MAX, to which
 * more is cut down; of a list, its first element.  -1 where that is not digits
 * alone, with OWS around them.
 */
int64_t sector_http_age(const char *value, size_t len);


/*
 * Whether a Cache-Status (RFC 9211) has a member of this module that says
 * "detail=PARTIAL", as a token or as a string: 1 or 0.
 */
int sector_http_partial(const char *value, size_t len);


#endif /* SECTOR_HTTP_H */
