/* Stands before the C library's fsync and fdatasync, and keeps what a disk would hold after a power cut: of a file the
   bytes, of a folder the names, as they were when they were last written through. What no call has written through
   is not kept. Loaded with LD_PRELOAD; the folder TEST_DISK takes it, one file for each inode. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

enum { ROOM = 4096 };

static void fail(const char *what) {
    perror(what);
    abort();
}

/* Inode numbers are used again, so an inode's name has the moment that it was made, too. */
static struct statx look(int folder, const char *name, char id[64]) {
    struct statx about;
    unsigned wanted = STATX_TYPE | STATX_INO | STATX_SIZE | STATX_BTIME;
    int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(folder, name, flags, wanted, &about)) {
        about.stx_mode = 0; /* It has gone meanwhile. */
        return about;
    }
    snprintf(id, 64, "%llx-%llx-%x", (unsigned long long)about.stx_ino,
             (unsigned long long)about.stx_btime.tv_sec, about.stx_btime.tv_nsec);
    return about;
}

static void keep_bytes(int file, long long size, int kept) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0) fail("disk: a file");
    off_t at = 0;
    while (at < size) {
        ssize_t sent = sendfile(kept, from, &at, (size_t)(size - at));
        if (sent < 0) fail("disk: its bytes");
        if (sent == 0) break; /* It has become shorter meanwhile. */
    }
    close(from);
}

static void keep_names(int folder, int kept) {
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = own < 0 ? NULL : fdopendir(own);
    if (!names) fail("disk: a folder");
    for (struct dirent *entry; (entry = readdir(names));) {
        char id[64];
        struct statx about = look(own, entry->d_name, id);
        int is_dots = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
        if (is_dots || !(S_ISREG(about.stx_mode) || S_ISDIR(about.stx_mode))) continue;
        dprintf(kept, "%c %s %s\n", S_ISDIR(about.stx_mode) ? 'd' : 'f', id, entry->d_name);
    }
    closedir(names);
}

static int written_through(int descriptor) {
    const char *disk = getenv("TEST_DISK");
    char id[64], to[ROOM], made[ROOM + 4];
    struct statx about = look(descriptor, "", id);
    int is_file = S_ISREG(about.stx_mode);
    if (!is_file && !S_ISDIR(about.stx_mode)) {
        errno = EINVAL;
        return -1;
    }
    if (!disk) fail("disk: TEST_DISK");
    pthread_mutex_lock(&one_at_a_time);
    snprintf(to, sizeof to, "%s/%s", disk, id);
    snprintf(made, sizeof made, "%s.new", to);
    int kept = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (kept < 0) fail("disk: what is kept");
    if (is_file)
        keep_bytes(descriptor, (long long)about.stx_size, kept);
    else
        keep_names(descriptor, kept);
    close(kept);
    if (rename(made, to)) fail("disk: its name");
    pthread_mutex_unlock(&one_at_a_time);
    return 0;
}

int fsync(int descriptor) { return written_through(descriptor); }

int fdatasync(int descriptor) { return written_through(descriptor); }
