/*
 * sector_model: an upstream's body -> one validated sector.
 *
 * A body passes four gates in this order: it is looked over without being
 * parsed (empty, a page of markup, nested absurdly), parsed by jansson, read
 * by the reader of its format, and printed.  A gate that refuses leaves its
 * reason in the output and nothing else.
 *
 *     bytes --look--> bytes --jansson--> tree --reader--> record --> text
 *                                          \--sector format: the bytes
 *
 * Who owns what.  The body, the symbol and the name are the caller's and are
 * only read.  The tree lives within sector_model_parse(); a record's texts
 * point into the tree or the input and die with the call.  The one thing that
 * outlives it is out->json, from malloc(), which the caller frees.
 *
 * Decisions:
 *
 * - Nesting is counted before parsing, outside strings, so that a body of a
 *   million brackets never reaches a parser that recurses.
 * - A number of any size and an escaped NUL anywhere are JSON, see
 *   sector_model_json.h.  Who reads such a value refuses it, unless it can be
 *   printed exactly: an integer of 64 bits with or without a sign, a text
 *   with its NUL escaped.  A symbol or a code with a NUL is refused.
 * - In our own format it is enough that a double can hold a number, rounded
 *   or not: it is not printed anew.
 * - A zero byte is refused anywhere: jansson overlooks one behind a number,
 *   and our own format would pass it on.
 * - Out of memory in the middle of a string, jansson speaks of bad syntax, and
 *   the body is called invalid.  Nothing tells the two apart.
 * - Duplicate keys are refused: which of the two is meant is anyone's guess.
 * - What has no tree is foreign, whatever is wrong with it: nobody knows whose
 *   form it has.
 * - A byte order mark of UTF-8 in front of a body is no part of it.
 *
 * The reader of our own format is in sector_model_own.c, those of the two Yahoo
 * formats are in sector_model_yahoo.c, numbers and the printed form in
 * sector_model_print.c, bodies about many symbols in sector_model_batch.c,
 * which passes them through the first two gates here.
 */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sector_model_internal.h"


#define SECTOR_MODEL_DEPTH_MAX  64

#define SECTOR_MODEL_MARK       "\xef\xbb\xbf"
#define SECTOR_MODEL_MARK_LEN   (sizeof(SECTOR_MODEL_MARK) - 1)


/*
 * Writes the reason of a refusal.  It may quote an upstream, and goes to logs
 * and headers: what is not printable ASCII becomes a question mark.
 */
sector_model_status_e
sector_model_refuse(const sector_model_ctx_t *ctx,
    sector_model_status_e status, const char *format, ...)
{
    char     *p;
    va_list   args;

    va_start(args, format);
    (void) vsnprintf(ctx->out->reason, SECTOR_MODEL_REASON_MAX, format, args);
    va_end(args);

    for (p = ctx->out->reason; *p != '\0'; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            *p = '?';
        }
    }

    return status;
}


/*
 * Names a value's type for a reason.
 */
const char *
sector_model_type(const json_t *value)
{
    if (value == NULL) {
        return "null";
    }

    switch (json_typeof(value)) {

    case JSON_OBJECT:
        return "an object";

    case JSON_ARRAY:
        return "an array";

    case JSON_STRING:
        return sector_json_is_huge(value) ? "a number out of range"
                                          : "a string";

    case JSON_INTEGER:
        return "an integer";

    case JSON_REAL:
        return "a real number";

    case JSON_NULL:
        return "null";

    default:
        return "a boolean";
    }
}


/*
 * Takes a string whose end is where it seems to be.
 */
sector_model_status_e
sector_model_word(const sector_model_ctx_t *ctx, const char *key,
    const char *of, const json_t *value, const char **text)
{
    *text = sector_json_string(value);

    if (*text != NULL) {
        return SECTOR_MODEL_OK;
    }

    if (sector_json_is_string(value)) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "%s%s has a NUL in it", key, of);
    }

    return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                               "%s%s is %s, not a string", key, of,
                               sector_model_type(value));
}


/*
 * toupper() would ask the locale.
 */
static unsigned char
sector_model_upper(unsigned char c)
{
    return (c >= 'a' && c <= 'z') ? (unsigned char) (c - 'a' + 'A') : c;
}


/*
 * Compares two terminated symbols.
 */
int
sector_model_is_symbol(const char *text, const char *symbol)
{
    for ( /* void */ ; *text != '\0' && *symbol != '\0'; text++, symbol++) {
        if (sector_model_upper((unsigned char) *text)
            != sector_model_upper((unsigned char) *symbol))
        {
            return 0;
        }
    }

    return *text == *symbol;
}


/*
 * Refuses a body that is about another symbol.
 */
sector_model_status_e
sector_model_match(const sector_model_ctx_t *ctx, const char *text)
{
    if (sector_model_is_symbol(text, ctx->in->symbol)) {
        return SECTOR_MODEL_OK;
    }

    return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                               "symbol is \"%.48s\", asked for \"%.32s\"",
                               text, ctx->in->symbol);
}


/*
 * Judges an error object by its code.
 */
sector_model_status_e
sector_model_error(const sector_model_ctx_t *ctx, const json_t *error,
    const char *key, const char *const *not_found)
{
    const char             *text;
    sector_model_status_e   status;

    if (!json_is_object(error)) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "error is %s, not an object",
                                   sector_model_type(error));
    }

    status = sector_model_word(ctx, "error", key,
                               json_object_get(error, key + 1), &text);

    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    status = SECTOR_MODEL_INVALID;

    for ( /* void */ ; *not_found != NULL; not_found++) {
        if (strcmp(text, *not_found) == 0) {
            status = SECTOR_MODEL_NOT_FOUND;
        }
    }

    return sector_model_refuse(ctx, status, "upstream error \"%.48s\"", text);
}


/*
 * Checks and upper-cases a symbol: every request has one.  What no symbol may
 * have is a space here.
 */
int
sector_model_symbol(const char *text, size_t len, char *symbol)
{
    size_t         i, dots;
    unsigned char  c;

    static const char  chars[] =
        "                                "
        "      &      -. 0123456789   =  "
        " ABCDEFGHIJKLMNOPQRSTUVWXYZ   ^_"
        " ABCDEFGHIJKLMNOPQRSTUVWXYZ     ";

    symbol[0] = '\0';

    if (len == 0 || len > SECTOR_SYMBOL_MAX) {
        return -1;
    }

    for (i = 0, dots = 0; i < len; i++) {
        c = (unsigned char) text[i];

        if (c >= sizeof(chars) - 1 || chars[c] == ' ') {
            symbol[0] = '\0';
            return -1;
        }

        dots += (c == '.');
        symbol[i] = chars[c];
    }

    if (dots == len) {
        symbol[0] = '\0';
        return -1;
    }

    symbol[len] = '\0';

    return 0;
}


/*
 * Finds a sign of JSON's structure outside strings.
 */
const char *
sector_model_sign(const char *p, const char *end)
{
    int  quoted;

    quoted = 0;

    for ( /* void */ ; p < end; p++) {
        switch (*p) {

        case '"':
            quoted = !quoted;
            break;

        case '\\':
            p += (quoted && p + 1 < end);
            break;

        case '{': case '}': case '[': case ']': case ',': case ':':
            if (!quoted) {
                return p;
            }
        }
    }

    return end;
}


/*
 * The deepest nesting of brackets and braces outside strings.  What is no
 * JSON gets some number or other; the parser refuses it afterwards.
 */
static size_t
sector_model_depth(const char *p, size_t len)
{
    size_t       depth, deepest;
    const char  *end;

    depth = 0;
    deepest = 0;
    end = p + len;

    for (p = sector_model_sign(p, end); p < end;
         p = sector_model_sign(p + 1, end))
    {
        if (*p == '{' || *p == '[') {
            if (++depth > deepest) {
                deepest = depth;
            }

        } else if ((*p == '}' || *p == ']') && depth > 0) {
            depth--;
        }
    }

    return deepest;
}


/*
 * Looks a body over before it is parsed; start and len have JSON's whitespace
 * taken off.
 */
static sector_model_status_e
sector_model_look(const sector_model_ctx_t *ctx, const char *start, size_t len)
{
    size_t  depth;

    if (len == 0) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID, "empty body");
    }

    if (*start == '<') {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "an HTML or XML page, not JSON");
    }

    if (memchr(start, '\0', len) != NULL) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "a zero byte in the body");
    }

    depth = sector_model_depth(start, len);

    if (depth > SECTOR_MODEL_DEPTH_MAX) {
        return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                                   "nested %zu deep, at most %d allowed",
                                   depth, SECTOR_MODEL_DEPTH_MAX);
    }

    return SECTOR_MODEL_OK;
}


/*
 * Says why there is no tree.  Without a text it was out of memory.
 */
static sector_model_status_e
sector_model_not_json(const sector_model_ctx_t *ctx, const json_error_t *error)
{
    if (error->text[0] == '\0'
        || json_error_code(error) == json_error_out_of_memory)
    {
        return sector_model_refuse(ctx, SECTOR_MODEL_NO_MEMORY,
                                   "out of memory");
    }

    return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                               "not JSON: %.90s at line %d column %d",
                               error->text, error->line, error->column);
}


/*
 * A configured name goes into the output as it is, so it has to be UTF-8.
 */
sector_model_status_e
sector_model_check_name(const sector_model_ctx_t *ctx)
{
    json_t  *name;

    if (ctx->in->name == NULL) {
        return SECTOR_MODEL_OK;
    }

    name = json_string(ctx->in->name);
    if (name != NULL) {
        json_decref(name);
        return SECTOR_MODEL_OK;
    }

    name = json_string_nocheck(ctx->in->name);
    if (name == NULL) {
        return sector_model_refuse(ctx, SECTOR_MODEL_NO_MEMORY,
                                   "out of memory");
    }

    json_decref(name);

    return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                               "the configured name is not UTF-8");
}


/*
 * A body that is no object is nobody's form.
 */
sector_model_status_e
sector_model_object(const sector_model_ctx_t *ctx, const json_t *root)
{
    if (json_is_object(root)) {
        return SECTOR_MODEL_OK;
    }

    ctx->out->foreign = 1;

    return sector_model_refuse(ctx, SECTOR_MODEL_INVALID,
                               "the body is %s, not an object",
                               sector_model_type(root));
}


/*
 * Hands a tree to the reader of its format.
 */
static sector_model_status_e
sector_model_read(sector_model_ctx_t *ctx, json_t *root,
    const char *start, size_t len)
{
    sector_model_status_e  status;

    status = sector_model_object(ctx, root);

    if (status == SECTOR_MODEL_OK
        && ctx->in->format == SECTOR_FORMAT_SECTOR)
    {
        return sector_model_own(ctx, root, start, len);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_model_check_name(ctx);
    }

    if (status == SECTOR_MODEL_OK) {
        status = (ctx->in->format == SECTOR_FORMAT_YAHOO_CHART)
                 ? sector_model_yahoo_chart(ctx, root)
                 : sector_model_yahoo_quote(ctx, root);
    }

    if (status == SECTOR_MODEL_OK) {
        status = sector_model_print(ctx);
    }

    return status;
}


/*
 * The whitespace of JSON, no other.
 */
static int
sector_model_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


/*
 * Takes whitespace off both ends; returns the length that is left.
 */
size_t
sector_model_trim(const char **start, size_t len)
{
    while (len > 0 && sector_model_is_space(**start)) {
        (*start)++;
        len--;
    }

    while (len > 0 && sector_model_is_space((*start)[len - 1])) {
        len--;
    }

    return len;
}


/*
 * Initialises the state of one symbol, and its output.
 */
void
sector_model_begin(sector_model_ctx_t *ctx, const sector_model_input_t *in,
    sector_model_output_t *out, sector_record_t *record)
{
    memset(out, 0, sizeof(*out));
    out->quote_ms = INT64_MIN;

    memset(record, 0, sizeof(*record));
    memset(ctx, 0, sizeof(*ctx));
    ctx->in = in;
    ctx->out = out;
    ctx->record = record;
}


/*
 * The length of the byte order mark in front of a body.
 */
static size_t
sector_model_mark(const char *body, size_t len)
{
    return (len >= SECTOR_MODEL_MARK_LEN
            && memcmp(body, SECTOR_MODEL_MARK, SECTOR_MODEL_MARK_LEN) == 0)
           ? SECTOR_MODEL_MARK_LEN : 0;
}


/*
 * The first two gates.
 */
sector_model_status_e
sector_model_open(const sector_model_ctx_t *ctx, json_t **root,
    const char **start, size_t *len)
{
    size_t                  mark, body_len;
    const char             *body;
    json_error_t            error;
    sector_model_status_e   status;

    mark = sector_model_mark(ctx->in->body, ctx->in->body_len);
    body = ctx->in->body + mark;
    body_len = ctx->in->body_len - mark;

    *start = body;
    *len = sector_model_trim(start, body_len);

    status = sector_model_look(ctx, *start, *len);

    if (status == SECTOR_MODEL_OK) {
        *root = sector_json_load(body, body_len, &error);

        if (*root == NULL) {
            status = sector_model_not_json(ctx, &error);
        }
    }

    ctx->out->foreign = (status == SECTOR_MODEL_INVALID);

    return status;
}


/*
 * The four gates.
 */
sector_model_status_e
sector_model_parse(const sector_model_input_t *in, sector_model_output_t *out)
{
    json_t                 *root;
    size_t                  len;
    const char             *start;
    sector_record_t         record;
    sector_model_ctx_t      ctx;
    sector_model_status_e   status;

    sector_model_begin(&ctx, in, out, &record);

    status = sector_model_open(&ctx, &root, &start, &len);
    if (status != SECTOR_MODEL_OK) {
        return status;
    }

    status = sector_model_read(&ctx, root, start, len);

    json_decref(root);

    if (status != SECTOR_MODEL_OK) {
        out->quote_ms = INT64_MIN;
    }

    return status;
}
