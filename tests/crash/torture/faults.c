/* Faults of system calls, for a process that is `python -m hpsearch...`, started or forked with this library in
   LD_PRELOAD.

   HPSEARCH_FAULTS names the control file, which faults.py writes and every such process maps. What such a process
   starts (runs, scheduler commands, git) inherits the library and is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPENS = 1, CREATES = 2, WRITES = 4, READS = 8, SYNCS = 16, NAMES = 32, FOLDERS = 64, LOCKS = 128, LOOKS = 256 };
enum { CHANGES = CREATES | WRITES | SYNCS | NAMES | FOLDERS };
enum { BEFORE = 0, HALFWAY = 1, AFTER = 2 };

/* Of faults.py: _LAYOUT. */
struct control {
    int64_t clock_offset_ns;
    int64_t calls_to_live; /* The process dies at the call that counts this down to 0; 0 = none does. */
    int64_t injected;      /* How many calls failed. */
    int64_t deaths;
    uint32_t moment; /* of the call at which it dies */
    uint32_t calls;  /* which calls fail; 0 = none */
    int32_t error;
    uint32_t every; /* Only each n-th of them fails. */
    uint64_t seen;
    char prefix[1024]; /* of the paths that all this is about */
};

static struct control *control;
static pid_t owner;

static int is_our_command(void) {
    char text[4096];
    int file = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : syscall(SYS_read, file, text, sizeof text - 1);
    if (file >= 0) syscall(SYS_close, file);
    if (length <= 0) return 0;
    text[length] = 0;
    char *second = text + strlen(text) + 1, *third = second + strlen(second) + 1;
    return third < text + length && !strcmp(second, "-m") && !strncmp(third, "hpsearch", 8);
}

/* Also called by a process that was forked to be such a command. */
void begin_command(void) {
    const char *path = getenv("HPSEARCH_FAULTS");
    if (!path) return;
    int file = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *found = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    if (found == MAP_FAILED) return;
    owner = getpid();
    control = found;
}

__attribute__((constructor)) static void begin(void) {
    if (is_our_command()) begin_command();
}

/* A child between fork and exec is no command of ours. */
static int is_on(void) { return control && (control->calls || control->calls_to_live > 0) && getpid() == owner; }

static int is_meant(int folder, const char *path) {
    char whole[4096], where[64];
    size_t length = strlen(control->prefix);
    if (path[0] == '/') return !strncmp(path, control->prefix, length);
    ssize_t used = -1;
    if (folder == AT_FDCWD) {
        if (syscall(SYS_getcwd, whole, sizeof whole - 1) > 0) used = strlen(whole);
    } else {
        snprintf(where, sizeof where, "/proc/self/fd/%d", folder);
        used = syscall(SYS_readlinkat, AT_FDCWD, where, whole, sizeof whole - 1);
    }
    if (used < 0 || used + 2 + strlen(path) > sizeof whole) return 0;
    whole[used] = '/';
    strcpy(whole + used + (path[0] != 0), path);
    if (path[0] == 0) whole[used] = 0;
    return !strncmp(whole, control->prefix, length);
}

static int is_meant_file(int file) {
    int saved = errno, is = is_meant(file, "");
    errno = saved;
    return is;
}

static void die(void) {
    __atomic_add_fetch(&control->deaths, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_kill, owner, SIGKILL);
    for (;;) syscall(SYS_pause);
}

/* Whether this is the call at which the process dies; at most one is. */
static int is_last(int kind) {
    if (!(kind & CHANGES) || control->calls_to_live <= 0) return 0;
    return __atomic_sub_fetch(&control->calls_to_live, 1, __ATOMIC_SEQ_CST) == 0;
}

/* Return the error with which the call is to fail, or 0. */
static int error_of(int kind) {
    if (!(control->calls & kind)) return 0;
    uint64_t number = __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
    if (control->every > 1 && number % control->every) return 0;
    __atomic_add_fetch(&control->injected, 1, __ATOMIC_SEQ_CST);
    return control->error;
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define FAULT(kind, meant, failure, call)                          \
    do {                                                           \
        if (is_on() && (meant)) {                                  \
            if (is_last(kind)) {                                   \
                if (control->moment != BEFORE) (void)!(call);      \
                die();                                             \
            }                                                      \
            int error = error_of(kind);                            \
            if (error) { errno = error; return failure; }          \
        }                                                          \
        return call;                                               \
    } while (0)

static int kind_of_opening(int flags) {
    if (flags & O_CREAT) return OPENS | CREATES;
    return OPENS;
}

#define OPENING(name)                                                                     \
    int name(const char *path, int flags, ...) {                                          \
        REAL(name);                                                                       \
        va_list rest;                                                                     \
        va_start(rest, flags);                                                            \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;         \
        va_end(rest);                                                                     \
        FAULT(kind_of_opening(flags), is_meant(AT_FDCWD, path), -1, real(path, flags, mode)); \
    }
#define OPENING_AT(name)                                                                  \
    int name(int folder, const char *path, int flags, ...) {                              \
        REAL(name);                                                                       \
        va_list rest;                                                                     \
        va_start(rest, flags);                                                            \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;         \
        va_end(rest);                                                                     \
        FAULT(kind_of_opening(flags), is_meant(folder, path), -1, real(folder, path, flags, mode)); \
    }
OPENING(open)
OPENING(open64)
OPENING_AT(openat)
OPENING_AT(openat64)

/* A disk that fills up takes a part first: half of it, each other time. */
#define WRITING(written_half, written_all)                                       \
    do {                                                                         \
        if (is_on() && is_meant_file(file)) {                                    \
            if (is_last(WRITES)) {                                               \
                if (control->moment == HALFWAY) (void)!(written_half);           \
                if (control->moment == AFTER) (void)!(written_all);              \
                die();                                                           \
            }                                                                    \
            int error = error_of(WRITES);                                        \
            if (error == ENOSPC && count > 1 && control->injected % 2) return written_half; \
            if (error) { errno = error; return -1; }                             \
        }                                                                        \
        return written_all;                                                      \
    } while (0)

ssize_t write(int file, const void *content, size_t count) {
    REAL(write);
    WRITING(real(file, content, count / 2), real(file, content, count));
}
ssize_t pwrite(int file, const void *content, size_t count, off_t at) {
    REAL(pwrite);
    WRITING(real(file, content, count / 2, at), real(file, content, count, at));
}
ssize_t pwrite64(int file, const void *content, size_t count, off64_t at) {
    REAL(pwrite64);
    WRITING(real(file, content, count / 2, at), real(file, content, count, at));
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(writev);
    WRITING(real(file, parts, count / 2), real(file, parts, count));
}
ssize_t sendfile(int file, int from, off_t *at, size_t count) {
    REAL(sendfile);
    WRITING(real(file, from, at, count / 2), real(file, from, at, count));
}
ssize_t sendfile64(int file, int from, off64_t *at, size_t count) {
    REAL(sendfile64);
    WRITING(real(file, from, at, count / 2), real(file, from, at, count));
}
ssize_t read(int file, void *content, size_t count) {
    REAL(read);
    FAULT(READS, is_meant_file(file), -1, real(file, content, count));
}
ssize_t pread64(int file, void *content, size_t count, off64_t at) {
    REAL(pread64);
    FAULT(READS, is_meant_file(file), -1, real(file, content, count, at));
}

int fsync(int file) { REAL(fsync); FAULT(SYNCS, is_meant_file(file), -1, real(file)); }
int fdatasync(int file) { REAL(fdatasync); FAULT(SYNCS, is_meant_file(file), -1, real(file)); }
int ftruncate64(int file, off64_t size) { REAL(ftruncate64); FAULT(NAMES, is_meant_file(file), -1, real(file, size)); }
int ftruncate(int file, off_t size) { REAL(ftruncate); FAULT(NAMES, is_meant_file(file), -1, real(file, size)); }
int flock(int file, int how) { REAL(flock); FAULT(LOCKS, is_meant_file(file), -1, real(file, how)); }
int rename(const char *from, const char *to) {
    REAL(rename);
    FAULT(NAMES, is_meant(AT_FDCWD, to), -1, real(from, to));
}
int link(const char *from, const char *to) { REAL(link); FAULT(NAMES | CREATES, is_meant(AT_FDCWD, to), -1, real(from, to)); }
int unlink(const char *path) { REAL(unlink); FAULT(NAMES, is_meant(AT_FDCWD, path), -1, real(path)); }
int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat);
    FAULT(NAMES, is_meant(folder, path), -1, real(folder, path, flags));
}
int rmdir(const char *path) { REAL(rmdir); FAULT(NAMES, is_meant(AT_FDCWD, path), -1, real(path)); }
int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    FAULT(FOLDERS, is_meant(AT_FDCWD, path), -1, real(path, mode));
}
int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(mkdirat);
    FAULT(FOLDERS, is_meant(folder, path), -1, real(folder, path, mode));
}
int stat64(const char *path, struct stat64 *found) {
    REAL(stat64);
    FAULT(LOOKS, is_meant(AT_FDCWD, path), -1, real(path, found));
}
int lstat64(const char *path, struct stat64 *found) {
    REAL(lstat64);
    FAULT(LOOKS, is_meant(AT_FDCWD, path), -1, real(path, found));
}
int fstat64(int file, struct stat64 *found) { REAL(fstat64); FAULT(LOOKS, is_meant_file(file), -1, real(file, found)); }

static int64_t offset_ns(void) { return control ? control->clock_offset_ns : 0; }

int clock_gettime(clockid_t which, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, which, now);
    int64_t offset = which == CLOCK_REALTIME ? offset_ns() : 0;
    if (result == 0 && offset) {
        int64_t all = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + offset;
        now->tv_sec = all / 1000000000;
        now->tv_nsec = all % 1000000000;
    }
    return result;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec precise;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return result;
}
time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
