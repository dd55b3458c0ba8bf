/*
 * A disk that can lose power, run full and fail, put between a program and the C library by
 * LD_PRELOAD.
 *
 * Below one folder it notes every operation that changes the disk, in the order in which they
 * happened, with the data: a test plays these notes up to any point into a model of a disk
 * (tests/src/disk). And it can end the space of that folder after a number of bytes; what grows
 * takes space, what is removed or cut gives it back.
 *
 *   MILLSTREAM_DISK_FOLDER   the folder, as its canonical path
 *   MILLSTREAM_DISK_JOURNAL  the file that takes the notes; must lie elsewhere
 *   MILLSTREAM_DISK_BYTES    so many bytes more fit into the folder, then the disk is full
 *   MILLSTREAM_DISK_WRITE    the number of the write that fails, from 1
 *   MILLSTREAM_DISK_SYNC     the number of the sync that fails, from 1
 *   MILLSTREAM_DISK_ERROR    the number of the error that they fail with
 *
 * Only what a Rust program and SQLite call is here. A test that plays all notes and compares the
 * model with the real folder sees whatever is missing.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The kinds of notes; tests/src/disk/journal.rs reads the same numbers. */
enum kind { WRITE = 1, LENGTH, SYNC, NEW_FILE, NEW_FOLDER, LINK, UNLINK, RENAME, FAILED_SYNC };

/* The fixed part of a note. Two names and the data follow. All as the machine has numbers. */
struct note {
    uint64_t kind, node, folder, to_folder, at, name_bytes, to_name_bytes, data_bytes;
};

/* One lock around operation and note: the notes have the order in which things happened, and a
 * sync covers exactly the writes noted before it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char root[PATH_MAX];
static size_t root_bytes;
static int journal = -1;
/* Bytes that are left; a negative number is no end. */
static int64_t space_left = -1;

/* Writes and syncs until the one that fails; 0 is none. */
static int64_t writes_left, syncs_left;
static int given_error;

/* The functions of the C library. */
#define REAL(type, name, ...) static type (*real_##name)(__VA_ARGS__)
REAL(int, openat, int, const char *, int, ...);
REAL(ssize_t, write, int, const void *, size_t);
REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
REAL(int, ftruncate, int, off_t);
REAL(int, fsync, int);
REAL(int, fdatasync, int);
REAL(int, fallocate, int, int, off_t, off_t);
REAL(int, posix_fallocate, int, off_t, off_t);
REAL(int, renameat2, int, const char *, int, const char *, unsigned);
REAL(int, linkat, int, const char *, int, const char *, int);
REAL(int, unlinkat, int, const char *, int);
REAL(int, mkdirat, int, const char *, mode_t);
REAL(ssize_t, copy_file_range, int, off_t *, int, off_t *, size_t, unsigned);
REAL(ssize_t, sendfile, int, int, off_t *, size_t);

static void broken(const char *what) {
    dprintf(STDERR_FILENO, "disk.c: %s: %s\n", what, strerror(errno));
    abort();
}

static void find_real(void) {
#define FIND(name) if (!(real_##name = dlsym(RTLD_NEXT, #name))) broken(#name)
    FIND(openat); FIND(write); FIND(pwrite); FIND(ftruncate); FIND(fsync); FIND(fdatasync);
    FIND(fallocate); FIND(posix_fallocate); FIND(renameat2); FIND(linkat); FIND(unlinkat);
    FIND(mkdirat); FIND(copy_file_range); FIND(sendfile);
}

static int64_t number(const char *variable) {
    const char *text = getenv(variable);
    return text ? strtoll(text, NULL, 10) : 0;
}

/* The first call of any function here sets it up: others' constructors may come before ours. */
static void set_up(void) {
    find_real();
    const char *folder = getenv("MILLSTREAM_DISK_FOLDER");
    const char *notes = getenv("MILLSTREAM_DISK_JOURNAL");
    const char *bytes = getenv("MILLSTREAM_DISK_BYTES");
    if (!folder) return;
    root_bytes = strlen(folder);
    if (root_bytes >= sizeof root) broken("MILLSTREAM_DISK_FOLDER");
    memcpy(root, folder, root_bytes + 1);
    if (bytes) space_left = strtoll(bytes, NULL, 10);
    writes_left = number("MILLSTREAM_DISK_WRITE");
    syncs_left = number("MILLSTREAM_DISK_SYNC");
    given_error = number("MILLSTREAM_DISK_ERROR");
    if (!notes) return;
    journal = real_openat(AT_FDCWD, notes, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (journal < 0) broken(notes);
}

static void enter(void) {
    pthread_once(&once, set_up);
    pthread_mutex_lock(&lock);
}

/* Leaves with the result of a call and its errno. */
static int64_t leave(int64_t result) {
    pthread_mutex_unlock(&lock);
    return result;
}

static int64_t refuse(int error) {
    errno = error;
    return leave(-1);
}

/* Whether this call is the one that fails. */
static int fails(int64_t *left) {
    return *left > 0 && --*left == 0;
}

static int below_root(const char *path) {
    return root_bytes > 0 && strncmp(path, root, root_bytes) == 0
        && (path[root_bytes] == '/' || path[root_bytes] == '\0');
}

/* Whether an open file lies in the folder. Asks the kernel, so duplicates need no bookkeeping. */
static int watched(int file) {
    char link[64], path[PATH_MAX];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t bytes = readlink(link, path, sizeof path - 1);
    errno = before;
    if (bytes < 0) return 0;
    path[bytes] = '\0';
    return below_root(path);
}

static uint64_t node_of(int file) {
    struct stat found;
    if (fstat(file, &found) != 0) broken("fstat");
    return found.st_ino;
}

/* A name in a folder. */
struct place {
    int watched;
    uint64_t folder;
    char name[NAME_MAX + 1];
};

/* Where a path points, its last part not followed. A path that leads nowhere is not watched: the
 * real call will say so. */
static struct place place_of(int at, const char *path) {
    struct place place = {0};
    char parent[PATH_MAX];
    size_t bytes = strlen(path);
    while (bytes > 1 && path[bytes - 1] == '/') bytes--;
    if (bytes == 0 || bytes >= sizeof parent) return place;
    memcpy(parent, path, bytes);
    parent[bytes] = '\0';
    char *slash = strrchr(parent, '/');
    const char *name = slash ? slash + 1 : parent;
    if (strlen(name) > NAME_MAX) return place;
    strcpy(place.name, name);
    if (!slash) strcpy(parent, ".");
    else slash[slash == parent ? 1 : 0] = '\0';
    int before = errno;
    int folder = real_openat(at, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        place.watched = watched(folder);
        place.folder = node_of(folder);
        close(folder);
    }
    errno = before;
    return place;
}

static void put(const void *bytes, size_t count) {
    const char *rest = bytes;
    while (count > 0) {
        ssize_t done = real_write(journal, rest, count);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) broken("the journal");
        rest += done;
        count -= done;
    }
}

/* Writes a note in one piece, so that whoever reads meanwhile sees whole notes. */
static void note(struct note head, const char *name, const char *to_name, const void *data) {
    if (journal < 0) return;
    head.name_bytes = name ? strlen(name) : 0;
    head.to_name_bytes = to_name ? strlen(to_name) : 0;
    size_t bytes = sizeof head + head.name_bytes + head.to_name_bytes + head.data_bytes;
    char *whole = malloc(bytes), *end = whole;
    if (!whole) broken("malloc");
    end = mempcpy(end, &head, sizeof head);
    end = mempcpy(end, name ? name : "", head.name_bytes);
    end = mempcpy(end, to_name ? to_name : "", head.to_name_bytes);
    if (head.data_bytes > 0) memcpy(end, data, head.data_bytes);
    put(whole, bytes);
    free(whole);
}

static void note_name(enum kind kind, uint64_t node, const struct place *place) {
    struct note head = {.kind = kind, .node = node, .folder = place->folder};
    note(head, place->name, NULL, NULL);
}

/* Takes space for a write and gives how much of it fits: a disk fills in the middle of a write.
 * What lies within the file has its space already. */
static size_t take_space(int file, off_t at, size_t wanted) {
    struct stat found;
    if (space_left < 0 || fstat(file, &found) != 0) return wanted;
    int64_t begin = at > found.st_size ? at : found.st_size;
    int64_t growth = at + (int64_t)wanted - begin;
    if (growth <= 0) return wanted;
    int64_t taken = growth < space_left ? growth : space_left;
    space_left -= taken;
    return wanted - (growth - taken);
}

static void give_space(int64_t bytes) {
    if (space_left >= 0 && bytes > 0) space_left += bytes;
}

/* What the removal of a name gives back: nothing while the file has another one. */
static int64_t space_of(int at, const char *path) {
    struct stat found;
    int before = errno;
    int is_last = fstatat(at, path, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found.st_mode)
        && found.st_nlink == 1;
    errno = before;
    return is_last ? found.st_size : 0;
}

/* The inodes of a full disk are taken for full as well. */
static int is_full(void) {
    return space_left == 0;
}

static uint64_t node_at(int at, const char *path) {
    struct stat found;
    if (fstatat(at, path, &found, AT_SYMLINK_NOFOLLOW) != 0) broken("fstatat");
    return found.st_ino;
}

static int exists(int at, const char *path) {
    int before = errno;
    int found = faccessat(at, path, F_OK, 0) == 0;
    errno = before;
    return found;
}

/* ---- Opening ---- */

static int open_changing(int at, const char *path, int flags, mode_t mode) {
    enter();
    struct place place = place_of(at, path);
    if (!place.watched) return leave(real_openat(at, path, flags, mode));
    int is_new = !exists(at, path);
    if (is_new && (flags & O_CREAT) && is_full()) return refuse(ENOSPC);
    int64_t cut = flags & O_TRUNC ? space_of(at, path) : 0;
    int file = real_openat(at, path, flags, mode);
    if (file < 0) return leave(file);
    if (is_new) {
        note_name(NEW_FILE, node_of(file), &place);
    } else if (flags & O_TRUNC) {
        give_space(cut);
        note((struct note){.kind = LENGTH, .node = node_of(file)}, NULL, NULL, NULL);
    }
    return leave(file);
}

static int open_any(int at, const char *path, int flags, mode_t mode) {
    pthread_once(&once, set_up);
    if (flags & (O_CREAT | O_TRUNC)) return open_changing(at, path, flags, mode);
    return real_openat(at, path, flags, mode);
}

/* The mode is there only if a file may be made. */
#define MODE_AFTER(flags, mode)                                     \
    mode_t mode = 0;                                                \
    if ((flags) & O_CREAT) {                                        \
        va_list rest;                                               \
        va_start(rest, flags);                                      \
        mode = va_arg(rest, mode_t);                                \
        va_end(rest);                                               \
    }

int open(const char *path, int flags, ...) {
    MODE_AFTER(flags, mode)
    return open_any(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    MODE_AFTER(flags, mode)
    return open_any(at, path, flags, mode);
}

int creat(const char *path, mode_t mode) {
    return open_any(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

/* ---- Content ---- */

static void note_write(int file, off_t at, const void *data, size_t bytes) {
    struct note head = {.kind = WRITE, .node = node_of(file), .at = at, .data_bytes = bytes};
    note(head, NULL, NULL, data);
}

ssize_t write(int file, const void *data, size_t bytes) {
    enter();
    if (!watched(file)) {
        /* This may be a pipe that waits for its reader: not under the lock. */
        leave(0);
        return real_write(file, data, bytes);
    }
    if (fails(&writes_left)) return refuse(given_error);
    int appends = fcntl(file, F_GETFL) & O_APPEND;
    size_t taken = take_space(file, lseek(file, 0, appends ? SEEK_END : SEEK_CUR), bytes);
    if (taken == 0 && bytes > 0) return refuse(ENOSPC);
    ssize_t done = real_write(file, data, taken);
    /* The place afterwards is right for a file that is appended to as well. */
    if (done > 0) note_write(file, lseek(file, 0, SEEK_CUR) - done, data, done);
    return leave(done);
}

ssize_t pwrite(int file, const void *data, size_t bytes, off_t at) {
    enter();
    if (!watched(file)) return leave(real_pwrite(file, data, bytes, at));
    if (fails(&writes_left)) return refuse(given_error);
    size_t taken = take_space(file, at, bytes);
    if (taken == 0 && bytes > 0) return refuse(ENOSPC);
    ssize_t done = real_pwrite(file, data, taken, at);
    if (done > 0) note_write(file, at, data, done);
    return leave(done);
}

/* One piece of memory with all pieces, so that there is one way to write. */
static char *gathered(const struct iovec *pieces, int count, size_t *bytes) {
    *bytes = 0;
    for (int i = 0; i < count; i++) *bytes += pieces[i].iov_len;
    char *all = malloc(*bytes ? *bytes : 1), *end = all;
    if (!all) broken("malloc");
    for (int i = 0; i < count; i++) end = mempcpy(end, pieces[i].iov_base, pieces[i].iov_len);
    return all;
}

ssize_t writev(int file, const struct iovec *pieces, int count) {
    size_t bytes;
    char *all = gathered(pieces, count, &bytes);
    ssize_t done = write(file, all, bytes);
    int error = errno;
    free(all);
    errno = error;
    return done;
}

ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t at) {
    size_t bytes;
    char *all = gathered(pieces, count, &bytes);
    ssize_t done = pwrite(file, all, bytes, at);
    int error = errno;
    free(all);
    errno = error;
    return done;
}

int ftruncate(int file, off_t length) {
    enter();
    struct stat before = {0};
    fstat(file, &before);
    int result = real_ftruncate(file, length);
    if (result == 0 && watched(file)) {
        give_space(before.st_size - length);
        note((struct note){.kind = LENGTH, .node = node_of(file), .at = length}, NULL, NULL, NULL);
    }
    return leave(result);
}

/* What would write without showing the data is not supported, as on many file systems: callers
 * fall back to plain writes. */

int fallocate(int file, int mode, off_t at, off_t bytes) {
    enter();
    if (watched(file)) return refuse(EOPNOTSUPP);
    return leave(real_fallocate(file, mode, at, bytes));
}

int posix_fallocate(int file, off_t at, off_t bytes) {
    enter();
    /* This function returns its error. */
    if (watched(file)) return leave(EINVAL);
    return leave(real_posix_fallocate(file, at, bytes));
}

ssize_t copy_file_range(int in, off_t *from, int out, off_t *to, size_t bytes, unsigned flags) {
    enter();
    if (watched(out)) return refuse(ENOSYS);
    return leave(real_copy_file_range(in, from, out, to, bytes, flags));
}

ssize_t sendfile(int out, int in, off_t *from, size_t bytes) {
    enter();
    int refused = watched(out);
    leave(0);
    if (!refused) return real_sendfile(out, in, from, bytes);
    errno = EINVAL;
    return -1;
}

/* ---- Durability: noted, not done. The power is cut in the model alone. ---- */

static int sync_noted(int file, int (*real)(int)) {
    enter();
    if (!watched(file)) {
        leave(0);
        return real(file);
    }
    if (fails(&syncs_left)) {
        note((struct note){.kind = FAILED_SYNC, .node = node_of(file)}, NULL, NULL, NULL);
        return refuse(given_error);
    }
    note((struct note){.kind = SYNC, .node = node_of(file)}, NULL, NULL, NULL);
    return leave(0);
}

int fsync(int file) {
    pthread_once(&once, set_up);
    return sync_noted(file, real_fsync);
}

int fdatasync(int file) {
    pthread_once(&once, set_up);
    return sync_noted(file, real_fdatasync);
}

/* ---- Names ---- */

int renameat2(int at, const char *path, int to_at, const char *to_path, unsigned flags) {
    enter();
    struct place from = place_of(at, path), to = place_of(to_at, to_path);
    int noted = from.watched && to.watched;
    /* A swap has no note, and a file that comes or goes has no content in the notes. */
    if ((noted && (flags & ~RENAME_NOREPLACE)) || from.watched != to.watched) return refuse(EINVAL);
    int64_t replaced = space_of(to_at, to_path);
    int result = real_renameat2(at, path, to_at, to_path, flags);
    if (result == 0 && noted) {
        give_space(replaced);
        struct note head = {.kind = RENAME, .node = node_at(to_at, to_path),
                            .folder = from.folder, .to_folder = to.folder};
        note(head, from.name, to.name, NULL);
    }
    return leave(result);
}

int renameat(int at, const char *path, int to_at, const char *to_path) {
    return renameat2(at, path, to_at, to_path, 0);
}

int rename(const char *path, const char *to_path) {
    return renameat2(AT_FDCWD, path, AT_FDCWD, to_path, 0);
}

int linkat(int at, const char *path, int to_at, const char *to_path, int flags) {
    enter();
    struct place to = place_of(to_at, to_path);
    if (to.watched && is_full()) return refuse(ENOSPC);
    int result = real_linkat(at, path, to_at, to_path, flags);
    if (result == 0 && to.watched) note_name(LINK, node_at(to_at, to_path), &to);
    return leave(result);
}

int link(const char *path, const char *to_path) {
    return linkat(AT_FDCWD, path, AT_FDCWD, to_path, 0);
}

int unlinkat(int at, const char *path, int flags) {
    enter();
    struct place place = place_of(at, path);
    int64_t removed = space_of(at, path);
    int result = real_unlinkat(at, path, flags);
    if (result == 0 && place.watched) {
        give_space(removed);
        note_name(UNLINK, 0, &place);
    }
    return leave(result);
}

int unlink(const char *path) {
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path) {
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdirat(int at, const char *path, mode_t mode) {
    enter();
    struct place place = place_of(at, path);
    if (place.watched && is_full() && !exists(at, path)) return refuse(ENOSPC);
    int result = real_mkdirat(at, path, mode);
    if (result == 0 && place.watched) note_name(NEW_FOLDER, node_at(at, path), &place);
    return leave(result);
}

int mkdir(const char *path, mode_t mode) {
    return mkdirat(AT_FDCWD, path, mode);
}

/* The names of the same functions in programs with 64-bit places; here these are the same. */
_Static_assert(sizeof(off_t) == 8, "this needs 64-bit file offsets");
#define SAME_AS(name) __attribute__((alias(#name)))
int open64(const char *path, int flags, ...) SAME_AS(open);
int openat64(int at, const char *path, int flags, ...) SAME_AS(openat);
int creat64(const char *path, mode_t mode) SAME_AS(creat);
ssize_t pwrite64(int file, const void *data, size_t bytes, off64_t at) SAME_AS(pwrite);
ssize_t pwritev64(int file, const struct iovec *pieces, int count, off64_t at) SAME_AS(pwritev);
int ftruncate64(int file, off64_t length) SAME_AS(ftruncate);
int fallocate64(int file, int mode, off64_t at, off64_t bytes) SAME_AS(fallocate);
int posix_fallocate64(int file, off64_t at, off64_t bytes) SAME_AS(posix_fallocate);
ssize_t sendfile64(int out, int in, off64_t *from, size_t bytes) SAME_AS(sendfile);
