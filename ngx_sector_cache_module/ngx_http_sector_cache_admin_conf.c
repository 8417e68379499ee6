/*
 * The directives of an admin location.  The keys are read while the
 * configuration is, hence again at each reload, and kept as digests: of equal
 * length, so that comparing two of them says nothing of the keys' lengths, and
 * of no use to whoever finds them in memory or in a core file.
 */

#include "ngx_http_sector_cache_admin.h"
#include "ngx_http_sector_cache_shm.h"

#include <ngx_sha1.h>


#define NGX_HTTP_SECTOR_CACHE_KEY_FILE_MAX  65536


static ngx_int_t ngx_http_sector_cache_key_file_read(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *text);
static ngx_int_t ngx_http_sector_cache_key_file_get(ngx_conf_t *cf,
    ngx_file_t *file, ngx_str_t *text);
static ngx_int_t ngx_http_sector_cache_key_file_parse(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *text, ngx_array_t *keys);
static ngx_int_t ngx_http_sector_cache_key_add(ngx_conf_t *cf,
    ngx_str_t *name, ngx_uint_t line, ngx_str_t *key, ngx_array_t *keys);
static void ngx_http_sector_cache_key_digest(ngx_str_t *key, u_char *digest);


/* sector_cache_admin [sectors=ZONE] [snapshots=ZONE] */

char *
ngx_http_sector_cache_conf_admin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    ngx_http_sector_cache_main_conf_t  *mcf;

    if (lcf->admin) {
        return "is duplicate";
    }

    if (ngx_http_sector_cache_conf_zones(cf, lcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* the kill switch is in it */

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sector_cache_module);

    if (ngx_http_sector_cache_shm_add_control(cf, mcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    lcf->admin = 1;

    return ngx_http_sector_cache_conf_handler(cf, lcf,
                                         ngx_http_sector_cache_admin_handler);
}


/* Without names it is the zones of the first API location, which may stand
 * further below: see ngx_http_sector_cache_admin_handler().  The limit of a
 * body becomes ours, see ngx_http_sector_cache_admin_body.c. */

char *
ngx_http_sector_cache_merge_admin(ngx_conf_t *cf,
    ngx_http_sector_cache_loc_conf_t *conf)
{
    ngx_str_t                          *missing;
    ngx_http_core_loc_conf_t           *clcf;
    ngx_http_sector_cache_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sector_cache_module);

    missing = NULL;

    if (conf->sectors_name.len) {
        conf->sectors = ngx_http_sector_cache_find_zone(mcf,
                                                        &conf->sectors_name);
        missing = conf->sectors ? NULL : &conf->sectors_name;
    }

    if (conf->snapshots_name.len && missing == NULL) {
        conf->snapshots = ngx_http_sector_cache_find_zone(mcf,
                                                      &conf->snapshots_name);
        missing = conf->snapshots ? NULL : &conf->snapshots_name;
    }

    if (missing) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown zone \"%V\" in \"sector_cache_admin\", "
                      "declare it by \"sector_cache_zone\" in %V:%ui",
                      missing, &conf->place.file, conf->place.line);
        return NGX_CONF_ERROR;
    }

    if (conf->admin_keys == NGX_CONF_UNSET_PTR) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no key is defined for \"sector_cache_admin\", "
                      "allowed: \"sector_cache_admin_key_file FILE\", or "
                      "\"sector_cache_admin_key off\" where anybody who "
                      "reaches the location may write, in %V:%ui",
                      &conf->place.file, conf->place.line);
        return NGX_CONF_ERROR;
    }

    conf->envelope = 1;

    /* nginx has merged its own of all locations before any of ours, so that
     * nobody inherits the 0 */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    conf->body_max = clcf->client_max_body_size;
    clcf->client_max_body_size = 0;

    return NGX_CONF_OK;
}


/* sector_cache_admin_key off */

char *
ngx_http_sector_cache_conf_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    ngx_str_t  *args;

    args = cf->args->elts;

    if (lcf->admin_keys != NGX_CONF_UNSET_PTR) {
        return "is duplicate, or beside \"sector_cache_admin_key_file\"";
    }

    /* what was given may be a key, and is not repeated */

    if (ngx_strcmp(args[1].data, "off") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value of \"%V\", allowed: off; keys are "
                           "in the file of \"sector_cache_admin_key_file\"",
                           &args[0]);
        return NGX_CONF_ERROR;
    }

    lcf->admin_keys = NULL;

    return NGX_CONF_OK;
}


/* sector_cache_admin_key_file FILE */

char *
ngx_http_sector_cache_conf_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_sector_cache_loc_conf_t *lcf = conf;

    ngx_int_t     rc;
    ngx_str_t    *args, name, text;
    ngx_array_t  *keys;

    if (lcf->admin_keys != NGX_CONF_UNSET_PTR) {
        return "is duplicate, or beside \"sector_cache_admin_key off\"";
    }

    args = cf->args->elts;
    name = args[1];

    if (name.len == 0) {
        return "has an empty name of a file";
    }

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    keys = ngx_array_create(cf->pool, 2,
                            sizeof(ngx_http_sector_cache_admin_key_t));
    if (keys == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_sector_cache_key_file_read(cf, &name, &text) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rc = ngx_http_sector_cache_key_file_parse(cf, &name, &text, keys);

    ngx_explicit_memzero(text.data, text.len);

    if (rc != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    lcf->admin_keys = keys;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_sector_cache_key_file_read(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text)
{
    ngx_int_t   rc;
    ngx_file_t  file;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *name;
    file.log = cf->log;

    /* a FIFO must not make the master wait */

    file.fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" of "
                           "\"sector_cache_admin_key_file\" failed", name);
        return NGX_ERROR;
    }

    rc = ngx_http_sector_cache_key_file_get(cf, &file, text);

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", name);
    }

    return rc;
}


/* The file's text, of one to which nobody else adds keys. */

static ngx_int_t
ngx_http_sector_cache_key_file_get(ngx_conf_t *cf, ngx_file_t *file,
    ngx_str_t *text)
{
    ssize_t     n;
    ngx_uint_t  mode;

    if (ngx_fd_info(file->fd, &file->info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", &file->name);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&file->info)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"sector_cache_admin_key_file\" is no "
                           "regular file", &file->name);
        return NGX_ERROR;
    }

    mode = ngx_file_access(&file->info);

    if (mode & 06) {
        ngx_conf_log_error((mode & 02) ? NGX_LOG_EMERG : NGX_LOG_WARN, cf, 0,
                           "\"%V\" of \"sector_cache_admin_key_file\" has "
                           "mode 0%ui%ui%ui, %s: one that gives others "
                           "no access, such as 0600", &file->name,
                           mode >> 6 & 07, mode >> 3 & 07, mode & 07,
                           (mode & 02) ? "allowed" : "better");

        if (mode & 02) {
            return NGX_ERROR;
        }
    }

    if (ngx_file_size(&file->info) > NGX_HTTP_SECTOR_CACHE_KEY_FILE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"sector_cache_admin_key_file\" has %O "
                           "bytes, allowed: up to %d", &file->name,
                           ngx_file_size(&file->info),
                           NGX_HTTP_SECTOR_CACHE_KEY_FILE_MAX);
        return NGX_ERROR;
    }

    text->len = (size_t) ngx_file_size(&file->info);
    text->data = ngx_pnalloc(cf->temp_pool, text->len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    n = ngx_read_file(file, text->data, text->len, 0);

    if (n == NGX_ERROR || (size_t) n != text->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_file_n " \"%V\" of "
                           "\"sector_cache_admin_key_file\" failed",
                           &file->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* One key a line; blanks around it, blank lines and comments are no part of
 * one. */

static ngx_int_t
ngx_http_sector_cache_key_file_parse(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text, ngx_array_t *keys)
{
    u_char      *p, *last, *end;
    ngx_str_t    key;
    ngx_uint_t   line;

    last = text->data + text->len;
    line = 0;

    for (p = text->data; p < last; p = end + 1) {
        line++;

        end = ngx_strlchr(p, last, LF);
        if (end == NULL) {
            end = last;
        }

        key.data = p;
        key.len = end - p;

        while (key.len && (key.data[key.len - 1] == CR
                           || key.data[key.len - 1] == ' '
                           || key.data[key.len - 1] == '\t'))
        {
            key.len--;
        }

        while (key.len && (*key.data == ' ' || *key.data == '\t')) {
            key.data++;
            key.len--;
        }

        if (key.len == 0 || *key.data == '#') {
            continue;
        }

        if (ngx_http_sector_cache_key_add(cf, name, line, &key, keys)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (keys->nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no key in \"%V\" of "
                           "\"sector_cache_admin_key_file\", allowed: one a "
                           "line", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Says where a bad key is, and never what it is. */

static ngx_int_t
ngx_http_sector_cache_key_add(ngx_conf_t *cf, ngx_str_t *name,
    ngx_uint_t line, ngx_str_t *key, ngx_array_t *keys)
{
    size_t                              i;
    ngx_http_sector_cache_admin_key_t  *k;

    if (key->len > NGX_HTTP_SECTOR_CACHE_KEY_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key of %uz bytes in \"%V\" line %ui of "
                           "\"sector_cache_admin_key_file\", allowed: up to %d",
                           key->len, name, line,
                           NGX_HTTP_SECTOR_CACHE_KEY_MAX);
        return NGX_ERROR;
    }

    for (i = 0; i < key->len; i++) {
        if (key->data[i] <= 0x20 || key->data[i] > 0x7e) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid key in \"%V\" line %ui of "
                               "\"sector_cache_admin_key_file\", allowed: "
                               "printable ASCII without spaces", name, line);
            return NGX_ERROR;
        }
    }

    k = ngx_array_push(keys);
    if (k == NULL) {
        return NGX_ERROR;
    }

    ngx_http_sector_cache_key_digest(key, k->digest);

    return NGX_OK;
}


static void
ngx_http_sector_cache_key_digest(ngx_str_t *key, u_char *digest)
{
    ngx_sha1_t  sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, key->data, key->len);
    ngx_sha1_final(digest, &sha1);

    ngx_explicit_memzero(&sha1, sizeof(ngx_sha1_t));
}


/* Every byte of every digest is looked at, whatever those before were. */

ngx_uint_t
ngx_http_sector_cache_admin_key_matches(ngx_array_t *keys, ngx_str_t *key)
{
    u_char                              digest[20];
    ngx_uint_t                          i, j, matches;
    volatile ngx_uint_t                 differs;
    ngx_http_sector_cache_admin_key_t  *k;

    ngx_http_sector_cache_key_digest(key, digest);

    k = keys->elts;
    matches = 0;

    for (i = 0; i < keys->nelts; i++) {
        differs = 0;

        for (j = 0; j < sizeof(digest); j++) {
            differs |= (ngx_uint_t) (k[i].digest[j] ^ digest[j]);
        }

        /* 1 where it is 0, without a branch */

        matches |= ((differs - 1) >> 8) & 1;
    }

    return matches;
}
