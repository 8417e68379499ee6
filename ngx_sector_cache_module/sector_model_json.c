/*
 * sector_model_json: any text in JSON -> a tree of jansson's.
 *
 * What jansson takes at once is left to it.  Where it stops at one of the
 * three things that it refuses, it is given a copy of the text in which each
 * of them is replaced by something harmless of the same length:
 *
 *     {"a\u0000":18446744073709551615,"b":-1e400,"c":7}
 *     {"a\ufdd0":0e000000000000000000,"b":-0e000,"c":7}
 *
 * Then the tree is walked beside both texts: jansson keeps the order of
 * members (since 2.8), hence the nth number of the tree is the nth of either
 * text.  Where these differ, a huge number takes the place of the zero.
 *
 * Decisions:
 *
 * - What is no JSON is none in the copy: a number becomes a number that begins
 *   alike, with a minus or a digit, and ends where it did.  So jansson judges
 *   all else in the copy, and what it says of lines and columns holds.
 * - Whether a number is too large jansson says as well, asked for it alone: it
 *   knows the locale's decimal point.  Short ones without an exponent are not
 *   asked for.
 * - A huge number is a string that begins with a byte which is not UTF-8: in
 *   no text that jansson has accepted is there such a string.
 */

#include "sector_model_json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>


#define SECTOR_JSON_FLAGS   (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

#define SECTOR_JSON_NUL     "\\u0000"
#define SECTOR_JSON_NO_NUL  "\\ufdd0"
#define SECTOR_JSON_ESCAPE  (sizeof(SECTOR_JSON_NUL) - 1)

#define SECTOR_JSON_HUGE    '\xff'

/* Any integer of fewer characters fits 64 bits. */

#define SECTOR_JSON_LONG    19


/* A tree is walked beside its text, from p on, and the copy of it. */

typedef struct {
    const char     *text;
    const char     *p;
    const char     *end;
    char           *copy;
} sector_json_walk_t;


static int sector_json_restore(sector_json_walk_t *walk, json_t *value,
    json_t **instead);


/*
 * Where jansson has no memory it may set no text, and then no code either.
 */
static enum json_error_code
sector_json_code(const json_error_t *error)
{
    return (error->text[0] != '\0') ? json_error_code(error)
                                    : json_error_out_of_memory;
}


static int
sector_json_is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}


static const char *
sector_json_digits(const char *p, const char *end)
{
    while (sector_json_is_digit(p, end)) {
        p++;
    }

    return p;
}


/*
 * The length of the number that is at p; 0: there is none.
 */
static size_t
sector_json_number(const char *p, const char *end)
{
    const char  *start, *exponent;

    start = p;
    p += (*p == '-');

    if (!sector_json_is_digit(p, end)) {
        return 0;
    }

    p = (*p == '0') ? p + 1 : sector_json_digits(p, end);

    if (p < end && *p == '.' && sector_json_is_digit(p + 1, end)) {
        p = sector_json_digits(p + 1, end);
    }

    if (p < end && (*p == 'e' || *p == 'E')) {
        exponent = p + 1;
        exponent += (exponent < end && (*exponent == '+' || *exponent == '-'));

        if (sector_json_is_digit(exponent, end)) {
            p = sector_json_digits(exponent, end);
        }
    }

    return (size_t) (p - start);
}


/*
 * The quote that ends a string, which begins at p; end where there is none.
 */
static const char *
sector_json_quote(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        p += (*p == '\\' && p + 1 < end);
    }

    return p;
}


/*
 * Goes on to the next number outside strings, if p is at none; *len is its
 * length, 0 at the end.
 */
static const char *
sector_json_next(const char *p, const char *end, size_t *len)
{
    for (*len = 0; p < end; p++) {

        if (*p == '"') {
            p = sector_json_quote(p, end);

            if (p == end) {
                break;
            }

            continue;
        }

        *len = sector_json_number(p, end);

        if (*len > 0) {
            break;
        }
    }

    return p;
}


/*
 * Makes a number 0 if jansson cannot hold it.  Returns 0, or -1 for want of
 * memory.
 */
static int
sector_json_tame_number(char *p, size_t len)
{
    json_t        *value;
    json_error_t   error;

    if (len < SECTOR_JSON_LONG && memchr(p, 'e', len) == NULL
        && memchr(p, 'E', len) == NULL)
    {
        return 0;
    }

    value = json_loadb(p, len, JSON_DECODE_ANY, &error);

    if (value != NULL) {
        json_decref(value);
        return 0;
    }

    if (sector_json_code(&error) != json_error_numeric_overflow) {
        return -1;
    }

    len -= (*p == '-');
    p += (*p == '-');

    memset(p, '0', len);
    p[1] = 'e';

    return 0;
}


/*
 * Replaces each NUL of a string, from its first quote to its last, if it is a
 * member's name.
 */
static void
sector_json_tame_name(char *p, const char *last, const char *end)
{
    const char  *next;

    for (next = last + 1; next < end; next++) {
        if (memchr(" \t\r\n", *next, 4) == NULL) {
            break;
        }
    }

    if (next >= end || *next != ':') {
        return;
    }

    for (p++; p < last; p++) {
        if (*p != '\\') {
            continue;
        }

        if ((size_t) (last - p) >= SECTOR_JSON_ESCAPE
            && memcmp(p, SECTOR_JSON_NUL, SECTOR_JSON_ESCAPE) == 0)
        {
            memcpy(p, SECTOR_JSON_NO_NUL, SECTOR_JSON_ESCAPE);
        }

        p++;
    }
}


/*
 * Replaces in a text what jansson refuses and JSON does not.  Returns 0, or
 * -1 for want of memory.
 */
static int
sector_json_tame(char *p, const char *end)
{
    size_t       len;
    const char  *last;

    while (p < end) {
        len = 1;

        if (*p == '"') {
            last = sector_json_quote(p, end);

            if (last == end) {
                break;
            }

            sector_json_tame_name(p, last, end);
            len = (size_t) (last - p) + 1;

        } else if (sector_json_number(p, end) > 0) {
            len = sector_json_number(p, end);

            if (sector_json_tame_number(p, len) != 0) {
                return -1;
            }
        }

        p += len;
    }

    return 0;
}


/*
 * Takes the next number of the text; *instead is the huge one that it is, or
 * NULL.  The copy is read no more up to there, and has the room: in front of a
 * number there is a bracket, a comma or a colon at least.
 */
static int
sector_json_restore_number(sector_json_walk_t *walk, json_t **instead)
{
    char        *copy;
    size_t       len;
    const char  *p;

    p = sector_json_next(walk->p, walk->end, &len);
    copy = walk->copy + (p - walk->text);
    walk->p = p + len;

    if (memcmp(p, copy, len) == 0) {
        return 0;
    }

    memcpy(copy, p, len);
    copy[-1] = SECTOR_JSON_HUGE;
    *instead = json_stringn_nocheck(copy - 1, len + 1);

    return (*instead != NULL) ? 0 : -1;
}


static int
sector_json_restore_object(sector_json_walk_t *walk, json_t *object)
{
    void    *iter;
    json_t  *instead;

    for (iter = json_object_iter(object); iter != NULL;
         iter = json_object_iter_next(object, iter))
    {
        if (sector_json_restore(walk, json_object_iter_value(iter), &instead)
            != 0)
        {
            return -1;
        }

        if (instead != NULL
            && json_object_iter_set_new(object, iter, instead) != 0)
        {
            return -1;
        }
    }

    return 0;
}


static int
sector_json_restore_array(sector_json_walk_t *walk, json_t *array)
{
    size_t   i;
    json_t  *instead;

    for (i = 0; i < json_array_size(array); i++) {

        if (sector_json_restore(walk, json_array_get(array, i), &instead)
            != 0)
        {
            return -1;
        }

        if (instead != NULL && json_array_set_new(array, i, instead) != 0) {
            return -1;
        }
    }

    return 0;
}


/*
 * Gives a tree its huge numbers; *instead is the one that the value itself is,
 * or NULL.  Returns 0, or -1 for want of memory.
 */
static int
sector_json_restore(sector_json_walk_t *walk, json_t *value, json_t **instead)
{
    *instead = NULL;

    switch (json_typeof(value)) {

    case JSON_OBJECT:
        return sector_json_restore_object(walk, value);

    case JSON_ARRAY:
        return sector_json_restore_array(walk, value);

    case JSON_INTEGER:
    case JSON_REAL:
        return sector_json_restore_number(walk, instead);

    default:
        return 0;
    }
}


/*
 * What still has a NUL where a name is to be, has no colon behind it: jansson
 * has complained of the NUL first.
 */
static void
sector_json_explain(json_error_t *error)
{
    if (sector_json_code(error) == json_error_null_byte_in_key) {
        (void) strcpy(error->text, "':' expected behind a name");
        error->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_invalid_syntax;
    }
}


/*
 * Parses a text by way of its copy.
 */
static json_t *
sector_json_load_copy(const char *text, size_t len, char *copy,
    json_error_t *error)
{
    json_t              *root, *instead;
    sector_json_walk_t   walk;

    memcpy(copy, text, len);

    if (sector_json_tame(copy, copy + len) != 0) {
        error->text[0] = '\0';
        return NULL;
    }

    root = json_loadb(copy, len, SECTOR_JSON_FLAGS, error);

    if (root == NULL) {
        sector_json_explain(error);
        return NULL;
    }

    walk.text = text;
    walk.p = text;
    walk.end = text + len;
    walk.copy = copy;

    if (sector_json_restore(&walk, root, &instead) != 0) {
        json_decref(root);
        error->text[0] = '\0';
        return NULL;
    }

    return root;
}


json_t *
sector_json_load(const char *text, size_t len, json_error_t *error)
{
    char                  *copy;
    json_t                *root;
    enum json_error_code   code;

    root = json_loadb(text, len, SECTOR_JSON_FLAGS, error);

    if (root != NULL) {
        return root;
    }

    code = sector_json_code(error);

    if (code != json_error_numeric_overflow
        && code != json_error_null_byte_in_key)
    {
        return NULL;
    }

    copy = malloc(len);

    if (copy == NULL) {
        error->text[0] = '\0';
        return NULL;
    }

    root = sector_json_load_copy(text, len, copy, error);

    free(copy);

    return root;
}


int
sector_json_is_huge(const json_t *value)
{
    return json_is_string(value)
           && json_string_value(value)[0] == SECTOR_JSON_HUGE;
}


int
sector_json_is_string(const json_t *value)
{
    return json_is_string(value) && !sector_json_is_huge(value);
}


const char *
sector_json_string(const json_t *value)
{
    const char  *text;

    if (!sector_json_is_string(value)) {
        return NULL;
    }

    text = json_string_value(value);

    return (strlen(text) == json_string_length(value)) ? text : NULL;
}


/*
 * A huge number with a fraction or an exponent is beyond any double: else
 * jansson had held it.
 */
double
sector_json_double(const json_t *value)
{
    const char  *text;

    if (json_is_number(value)) {
        return json_number_value(value);
    }

    if (!sector_json_is_huge(value)) {
        return NAN;
    }

    text = json_string_value(value) + 1;

    if (strpbrk(text, ".eE") == NULL) {
        return strtod(text, NULL);
    }

    return (*text == '-') ? -INFINITY : INFINITY;
}


int
sector_json_unsigned(const json_t *value, uint64_t *number)
{
    char        *end;
    const char  *text;

    if (!sector_json_is_huge(value)) {
        return -1;
    }

    text = json_string_value(value) + 1;

    if (*text == '-') {
        return -1;
    }

    errno = 0;
    *number = strtoull(text, &end, 10);

    return (errno == 0 && *end == '\0') ? 0 : -1;
}
