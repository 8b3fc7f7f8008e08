/* protocol-server PRIVATE_FOLDER: waits until the host service has seen this container (the file .ready), then streams with the key beside it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"

#define READY_POLL_US 50000

static bool in_folder(char *path, size_t size, const char *folder, const char *name) {
    return (size_t)snprintf(path, size, "%s/%s", folder, name) < size;
}

static bool read_key(const char *path, wire_key *key) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    uint8_t bytes[KEY_BYTES + 1];
    ssize_t length = read(file, bytes, sizeof bytes);
    close(file);
    if (length != KEY_BYTES) {
        errno = EINVAL;
        return false;
    }
    memcpy(key->bytes, bytes, KEY_BYTES);
    return true;
}

/* The first process of a container gets no default action for SIGTERM: without this, stopping it takes until it is killed. */
static void end_now(int number) {
    (void)number;
    _exit(0);
}

int main(int argc, char **argv) {
    char ready[512], key_path[512];
    struct stat found;
    wire_key key;
    if (argc != 2 || !in_folder(ready, sizeof ready, argv[1], ".ready") ||
        !in_folder(key_path, sizeof key_path, argv[1], "key")) {
        fprintf(stderr, "usage: %s PRIVATE_FOLDER\n", argv[0]);
        return 2;
    }
    signal(SIGTERM, end_now);
    signal(SIGINT, end_now);
    while (stat(ready, &found) != 0) usleep(READY_POLL_US);
    if (!read_key(key_path, &key)) {
        fprintf(stderr, "%s: %s\n", key_path, strerror(errno));
        return 1;
    }
    return server_run(&key) ? 0 : 1;
}
