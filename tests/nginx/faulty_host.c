/*
 * faulty_host: a host whose wall clock jumps, that is suspended and whose disk
 * is full when a test says so, for LD_PRELOAD.
 *
 * The file SECTOR_HOST_FAULTS holds three 64-bit integers, which the test may
 * change at any time: milliseconds to add to the wall clock; not zero, that
 * nothing more fits into a file whose name ends in ".tmp"; and milliseconds
 * that the host has slept, which the wall clock and the one that counts from
 * the host's start have passed.  The monotonic clock is left alone, as a kernel
 * leaves it in both cases.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static volatile const int64_t  *faults;

static int      (*real_clock_gettime)(clockid_t, struct timespec *);
static int      (*real_gettimeofday)(struct timeval *, void *);
static ssize_t  (*real_write)(int, const void *, size_t);


/* Shared with every process that is forked from here on. */

__attribute__((constructor)) static void
faulty_host_init(void)
{
    int          fd;
    void        *p;
    const char  *name;

    *(void **) &real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    *(void **) &real_gettimeofday = dlsym(RTLD_NEXT, "gettimeofday");
    *(void **) &real_write = dlsym(RTLD_NEXT, "write");

    name = getenv("SECTOR_HOST_FAULTS");
    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    p = mmap(NULL, 3 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED) {
        faults = p;
    }

    (void) close(fd);
}


/* What is to be added to a clock, milliseconds. */

static int64_t
faulty_host_shift_ms(clockid_t id)
{
    if (faults == NULL) {
        return 0;
    }

    switch (id) {

    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        return faults[0] + faults[2];

    case CLOCK_BOOTTIME:
        return faults[2];

    default:
        return 0;
    }
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int      rc;
    int64_t  ns;

    rc = real_clock_gettime(id, ts);

    if (rc == 0) {
        ns = ts->tv_sec * INT64_C(1000000000) + ts->tv_nsec
             + faulty_host_shift_ms(id) * 1000000;
        ts->tv_sec = ns / 1000000000;
        ts->tv_nsec = ns % 1000000000;
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    int      rc;
    int64_t  us;

    rc = real_gettimeofday(tv, tz);

    if (rc == 0) {
        us = tv->tv_sec * INT64_C(1000000) + tv->tv_usec
             + faulty_host_shift_ms(CLOCK_REALTIME) * 1000;
        tv->tv_sec = us / 1000000;
        tv->tv_usec = us % 1000000;
    }

    return rc;
}


time_t
time(time_t *t)
{
    struct timeval  tv;

    (void) gettimeofday(&tv, NULL);

    if (t) {
        *t = tv.tv_sec;
    }

    return tv.tv_sec;
}


/* The first half of what is left to write still fits. */

ssize_t
write(int fd, const void *bytes, size_t n)
{
    char     link[64], name[4096];
    ssize_t  len;

    if (faults && faults[1]) {
        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        len = readlink(link, name, sizeof(name));

        if (len > 4 && memcmp(name + len - 4, ".tmp", 4) == 0) {
            if (n > 512) {
                return real_write(fd, bytes, n / 2);
            }

            errno = ENOSPC;
            return -1;
        }
    }

    return real_write(fd, bytes, n);
}
