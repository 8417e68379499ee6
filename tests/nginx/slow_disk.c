/*
 * slow_disk: a disk that hangs when a test says so, for LD_PRELOAD.
 *
 * An fsync() that finds the file SECTOR_DISK_GATE renames it, so that no other
 * does, to SECTOR_DISK_GATE.held, and returns when that one is removed.
 */

#define _GNU_SOURCE

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>


static char  gate[PATH_MAX];
static char  held[PATH_MAX];


/* Now, because nginx gives its workers an environment of its own. */

__attribute__((constructor)) static void
slow_disk_init(void)
{
    const char  *name;

    name = getenv("SECTOR_DISK_GATE");

    if (name != NULL) {
        (void) snprintf(gate, sizeof(gate), "%s", name);
        (void) snprintf(held, sizeof(held), "%s.held", name);
    }
}


int
fsync(int fd)
{
    if (gate[0] != '\0' && rename(gate, held) == 0) {
        while (access(held, F_OK) == 0) {
            (void) usleep(5000);
        }
    }

    return (int) syscall(SYS_fsync, fd);
}
