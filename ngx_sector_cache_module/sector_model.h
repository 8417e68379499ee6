/*
 * sector_model: an upstream's body -> one validated sector.
 *
 * Layer 1: libc and jansson.  Nothing here keeps state, takes a lock or reads
 * a clock.
 *
 * A sector is one JSON object whose keys come in this order, and of which all
 * but symbol and price are left out where the upstream does not have them:
 *
 *     symbol name price change changePercent volume timestamp longName
 *     currency marketState marketCap dayHigh dayLow previousClose
 *     fiftyDayAverage twoHundredDayAverage fiftyTwoWeekHigh fiftyTwoWeekLow
 *
 * - timestamp is the quote's own time, milliseconds since the epoch, which
 *   may be negative.  volume and marketCap need 64 bits.
 * - name is the configured one, else the upstream's shortName, else longName.
 * - Numbers keep the upstream's value: integers exactly, others as
 *   sector_model_number() prints them.  Computed ones (change, changePercent
 *   and, of a chart, the averages) are rounded to 4 decimals.
 * - 0 for a high or a low beside a price other than 0 stands for no data and
 *   is left out.  changePercent is not computed over a previous close of 0 or
 *   below.
 * - A price may be 0 or negative: futures have been.  One of 0 that was above
 *   0 at the previous close stands for no data, and is refused.
 *
 * The rules of each upstream are at the head of the file that reads it.
 */

#ifndef SECTOR_MODEL_H
#define SECTOR_MODEL_H


#include <stddef.h>
#include <stdint.h>


/* A symbol is 1 .. SECTOR_SYMBOL_MAX of SECTOR_SYMBOL_CHARS, and not of dots
 * alone (which a URI would take for a path segment). */

#define SECTOR_SYMBOL_MAX    32
#define SECTOR_SYMBOL_CHARS  "A-Z 0-9 . - ^ = & _"

#define SECTOR_MODEL_REASON_MAX  160


typedef enum {
    SECTOR_FORMAT_SECTOR = 0,   /* our own object, kept byte for byte */
    SECTOR_FORMAT_YAHOO_CHART,  /* v8/finance/chart */
    SECTOR_FORMAT_YAHOO_QUOTE   /* v7/finance/quote */
} sector_format_e;


typedef enum {
    SECTOR_MODEL_OK = 0,
    SECTOR_MODEL_NOT_FOUND,     /* the upstream says: no such symbol */
    SECTOR_MODEL_INVALID,       /* the body is not what format promises */
    SECTOR_MODEL_NO_MEMORY
} sector_model_status_e;


typedef struct {
    const char         *body;       /* not terminated; not changed */
    size_t              body_len;
    sector_format_e     format;
    const char         *symbol;     /* asked for, upper case, terminated */
    const char         *name;       /* configured, or NULL; UTF-8 */
    int64_t             wall_ms;    /* now, since the epoch: marketState */
    unsigned            not_found_status:1; /* it came with a status that says
                                       "not found": a SECTOR object that is no
                                       sector then says so, too */
} sector_model_input_t;


typedef struct {
    char       *json;           /* malloc'ed, the caller frees; NULL unless OK;
                                   one JSON object without whitespace around,
                                   and a zero byte after it */
    size_t      json_len;
    int64_t     quote_ms;       /* the quote's own time since the epoch;
                                   INT64_MIN: the upstream has none */
    char        reason[SECTOR_MODEL_REASON_MAX];    /* terminated, printable
                                   ASCII, lower case start, no full stop;
                                   empty if OK */
    unsigned    foreign:1;      /* INVALID: the body is not in the provider's
                                   form at all, which says something about the
                                   source; else it is about the symbol.  0
                                   with any other status */
    uint64_t    age_s;          /* OK: how old the upstream says it is; 0 if
                                   it does not say */
} sector_model_output_t;


/*
 * Parses, validates and normalises one body.  Never changes its input; out is
 * always initialised.  Refuses with a reason what is not JSON, not an object,
 * has a key twice, is nested more than 64 deep, or about another symbol.
 * Refuses as well where what the format reads is of a wrong type, a number
 * beyond a double, an integer beyond 64 bits (2^64 - 1 at most; in our own
 * format a double will do), a symbol or an error's code with a NUL.  Numbers
 * of any size and escaped NULs in what it does not read do no harm.
 *
 * NOT_FOUND is said of an error whose code is "Not Found", of an empty result,
 * and of a quote whose symbol is not in the result or has quoteType NONE.
 * Any other error code is INVALID, with the code in the reason.
 *
 * INVALID is foreign where the body is empty, or no JSON that could be read,
 * or not an object; of Yahoo's formats where it has neither an error in any
 * envelope of Yahoo's nor the format's own one; of our own where it has
 * neither a symbol nor the success of our own API.
 *
 * in->symbol is compared without regard to letter case and printed as it is.
 * A byte order mark of UTF-8 in front of a body is skipped.
 *
 * For SECTOR_FORMAT_SECTOR neither in->name nor in->wall_ms is used: the bytes
 * from the outer brace to its mate are kept as they came.  The sector may be
 * the data of what our own API answers, whose metadata.age then is age_s; an
 * error of that is NOT_FOUND with the codes UNKNOWN_SYMBOL and NOT_FOUND, and
 * INVALID with any other.  With in->not_found_status any object is NOT_FOUND
 * that is no such error and has no price; what is a sector is OK even so.
 */
sector_model_status_e sector_model_parse(const sector_model_input_t *in,
    sector_model_output_t *out);


typedef struct {
    const char         *body;       /* not terminated; not changed */
    size_t              body_len;
    sector_format_e     format;
    const char *const  *symbols;    /* n, upper case, terminated, distinct */
    const char *const  *names;      /* n, each configured or NULL; UTF-8; or
                                       NULL: no symbol has one */
    size_t              n;
    int64_t             wall_ms;    /* now, since the epoch: marketState */
    unsigned            partial:1;  /* the answer is known to lack some */
    unsigned            not_found_status:1; /* as of one symbol, if n is 1; of
                                       several a SECTOR object says nothing,
                                       but it is not foreign */
} sector_model_batch_t;


/*
 * Parses one body about many symbols into a sector each.  out and status have
 * in->n members, out[i] being about in->symbols[i].  All are initialised
 * whatever is returned, and each out[i].json is the caller's to free where
 * status[i] is OK.  reason has SECTOR_MODEL_REASON_MAX bytes and is written as
 * a reason in an output is.
 *
 * Returns OK where the body is a batch: each status is OK, NOT_FOUND or
 * INVALID, the latter two with out[i].reason, and reason is empty.  Else
 * returns INVALID or NO_MEMORY: every status is that one, every out[i].reason
 * is what reason is, and nothing is to be freed.  What sector_model_parse()
 * refuses in any body is INVALID here as well.  That is foreign, in all of
 * out, where the body is no batch of any kind, and has no error of Yahoo's or
 * our own API either; an entry alone never is.
 *
 * A batch is, of
 *
 *   YAHOO_QUOTE  quoteResponse.result, in any order;
 *   YAHOO_CHART  chart.result, each entry about its meta.symbol;
 *   SECTOR       {symbol: sector, ...}, [sector, ...], or {"data": either,
 *                "errors": {symbol: {"error_code": text}, ...}}, as our own
 *                API answers, whose metadata.age is that of all; where one
 *                symbol is asked for, its sector alone will do in the place of
 *                {...}.
 *
 * A symbol is compared without regard to letter case, and the first of several
 * entries about it is taken.  Entries about symbols not asked for are
 * ignored, whatever is wrong with them.  An entry is read as
 * sector_model_parse() reads it; one that it refuses is INVALID, or NOT_FOUND
 * where it says so, for its symbol alone.
 *
 * A symbol without an entry is NOT_FOUND, and so is every symbol where Yahoo's
 * envelope has an error whose code is "Not Found", and one whose error_code is
 * UNKNOWN_SYMBOL or NOT_FOUND.  It is INVALID with another error_code, beside
 * an entry of an array that does not say whose it is (that might have been
 * its), and in a partial answer.  An object of our own format that has members,
 * none of them asked for and none with a symbol of its own, is no batch, nor is
 * an error of our own API, unless one symbol was asked for.
 *
 * Takes time proportional to body_len + n * entries.
 */
sector_model_status_e sector_model_parse_batch(const sector_model_batch_t *in,
    sector_model_output_t *out, sector_model_status_e *status, char *reason);


/*
 * Upper-cases and checks a symbol of len bytes at text (not terminated) into
 * symbol[SECTOR_SYMBOL_MAX + 1].  Returns 0, or -1 if it is no symbol.
 */
int sector_model_symbol(const char *text, size_t len, char *symbol);


/*
 * Prints a double as JSON in the shortest form that reads back as the same
 * double, as JavaScript does: no trailing ".0", no exponent from 1e-6 to below
 * 2^63, and 0 for -0; at least 32 bytes at buf, which is terminated.  Returns
 * the length.  JavaScript has no exponent up to 1e21, but many a reader refuses
 * integers of more than 64 bits.  The value must be finite; another prints 0.
 * Independent of the locale.
 */
size_t sector_model_number(double value, char *buf);


#endif /* SECTOR_MODEL_H */
