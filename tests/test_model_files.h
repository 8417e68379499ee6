/*
 * test_model_files: the recorded responses.  They are not part of the project:
 * SECTOR_FIXTURES names their folder.
 */

#ifndef TEST_MODEL_FILES_H
#define TEST_MODEL_FILES_H


#include <dirent.h>
#include <errno.h>

#include "test_model.h"


static char  folder[1024];


/* A group's setup: finds the folder.  Each test skips itself where there is
 * none, and folder is empty. */

static inline int
find_folder(void **state)
{
    DIR         *dir;
    const char  *base;

    (void) state;

    base = getenv("SECTOR_FIXTURES");
    if (base == NULL || base[0] == '\0') {
        base = "../shared/fixtures";
    }

    (void) snprintf(folder, sizeof(folder), "%s/yahoo", base);

    dir = opendir(folder);

    if (dir == NULL) {
        print_message("no recorded responses at %s (%s); set SECTOR_FIXTURES "
                      "to their folder: tests skipped\n",
                      folder, strerror(errno));
        folder[0] = '\0';
        return 0;
    }

    closedir(dir);

    return 0;
}


/* One of its files; the caller frees. */

static inline char *
load(const char *file, size_t *len)
{
    char  *body, path[1400];
    long   size;
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/%s", folder, file);

    f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("%s: %s", path, strerror(errno));
    }

    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    assert_true(size > 0);
    rewind(f);

    body = malloc((size_t) size);
    assert_non_null(body);
    *len = (size_t) size;
    assert_int_equal(fread(body, 1, *len, f), *len);
    fclose(f);

    return body;
}


#endif /* TEST_MODEL_FILES_H */
