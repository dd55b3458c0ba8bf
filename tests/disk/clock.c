/*
 * A clock that a test sets while a program works, put between the program and the C library by
 * LD_PRELOAD.
 *
 *   MILLSTREAM_CLOCK_FILE  a file of eight bytes: by how many seconds the clock is wrong
 *
 * Clocks that count from the start of the machine stay as they are, as those of Linux do when
 * somebody sets the time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t right = 0;
static const volatile int64_t *wrong_by = &right;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up(void) {
    const char *path = getenv("MILLSTREAM_CLOCK_FILE");
    if (!path) return;
    int before = errno;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *seconds = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *wrong_by, PROT_READ, MAP_SHARED, file, 0);
    if (seconds == MAP_FAILED) {
        perror(path);
        abort();
    }
    close(file);
    wrong_by = seconds;
    errno = before;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    pthread_once(&once, set_up);
    int result = syscall(SYS_clock_gettime, clock, at);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        at->tv_sec += *wrong_by;
    }
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    if (result == 0) *at = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return result;
}

time_t time(time_t *at) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
