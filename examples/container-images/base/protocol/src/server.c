#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "encoder.h"

#define PEER_TIMEOUT_S 5
#define MAX_CLIENTS 8

typedef void (*client_handler)(int socket, const wire_key *key);

typedef struct {
    int socket;
    const wire_key *key;
    client_handler handle;
} client;

typedef struct {
    int listener;
    const wire_key *key;
    client_handler handle;
} acceptor;

static pthread_mutex_t clients_lock = PTHREAD_MUTEX_INITIALIZER;
static int clients_now = 0;

/* One bad peer must not keep others out: each has a thread of its own, and there are only so many. */
static bool take_place(void) {
    pthread_mutex_lock(&clients_lock);
    bool free_place = clients_now < MAX_CLIENTS;
    if (free_place) clients_now++;
    pthread_mutex_unlock(&clients_lock);
    return free_place;
}

static void leave_place(void) {
    pthread_mutex_lock(&clients_lock);
    clients_now--;
    pthread_mutex_unlock(&clients_lock);
}

static void tell_ports(int socket, const wire_key *key) {
    char text[160];
    int length = snprintf(text, sizeof text,
                          "{\"version\":1,\"codec\":\"h264\",\"width\":%d,\"height\":%d,\"fps\":%d,\"tcp\":%d,\"udp\":%d}",
                          STREAM_WIDTH, STREAM_HEIGHT, STREAM_FPS, STREAM_TCP_PORT, STREAM_UDP_PORT);
    wire_send_frame(socket, key, 0, (const uint8_t *)text, (size_t)length);
}

static void stream(int socket, const wire_key *key) {
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    encoder *video = encoder_open();
    if (video == NULL) return;
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    const uint8_t *data;
    size_t bytes;
    for (uint64_t sequence = 0; encoder_next(video, &data, &bytes); sequence++) {
        if (!wire_send_frame(socket, key, sequence, data, bytes)) break;
        due.tv_nsec += 1000000000 / STREAM_FPS;
        if (due.tv_nsec >= 1000000000) {
            due.tv_nsec -= 1000000000;
            due.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
    encoder_close(video);
}

static void *serve_client(void *argument) {
    client *self = argument;
    wire_set_timeouts(self->socket, PEER_TIMEOUT_S);
    if (wire_greet(self->socket, self->key)) self->handle(self->socket, self->key);
    close(self->socket);
    free(self);
    leave_place();
    return NULL;
}

static void *accept_clients(void *argument) {
    acceptor *self = argument;
    for (;;) {
        int socket = accept(self->listener, NULL, NULL);
        if (socket < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            perror("accept");
            return NULL;
        }
        client *each = take_place() ? malloc(sizeof *each) : NULL;
        pthread_t thread;
        if (each == NULL) {
            close(socket);
            continue;
        }
        *each = (client){.socket = socket, .key = self->key, .handle = self->handle};
        if (pthread_create(&thread, NULL, serve_client, each) != 0) {
            close(socket);
            free(each);
            leave_place();
            continue;
        }
        pthread_detach(thread);
    }
}

/* Answers each hello with a hello of its own; everything else gets no answer. */
static void *answer_pings(void *argument) {
    acceptor *self = argument;
    uint8_t hello[HELLO_BYTES + 1], answer[HELLO_BYTES];
    struct sockaddr_in from;
    for (;;) {
        socklen_t from_bytes = sizeof from;
        ssize_t received = recvfrom(self->listener, hello, sizeof hello, 0, (struct sockaddr *)&from, &from_bytes);
        if (received < 0 && errno != EINTR) {
            perror("recvfrom");
            return NULL;
        }
        if (received != HELLO_BYTES || !wire_check_hello(self->key, hello)) continue;
        if (wire_make_hello(self->key, answer))
            sendto(self->listener, answer, sizeof answer, 0, (struct sockaddr *)&from, from_bytes);
    }
}

static int open_port(int type, uint16_t port) {
    int on = 1, opened = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_ANY)};
    if (opened < 0) return -1;
    setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(opened, (struct sockaddr *)&address, sizeof address) == 0 &&
        (type != SOCK_STREAM || listen(opened, 16) == 0))
        return opened;
    fprintf(stderr, "port %d: %s\n", port, strerror(errno));
    close(opened);
    return -1;
}

bool server_run(const wire_key *key) {
    acceptor discovery = {open_port(SOCK_STREAM, DISCOVERY_TCP_PORT), key, tell_ports};
    acceptor video = {open_port(SOCK_STREAM, STREAM_TCP_PORT), key, stream};
    acceptor pings = {open_port(SOCK_DGRAM, STREAM_UDP_PORT), key, NULL};
    if (discovery.listener < 0 || video.listener < 0 || pings.listener < 0) return false;
    pthread_t threads[3];
    if (pthread_create(&threads[0], NULL, accept_clients, &discovery) != 0 ||
        pthread_create(&threads[1], NULL, accept_clients, &video) != 0 ||
        pthread_create(&threads[2], NULL, answer_pings, &pings) != 0)
        return false;
    puts("serving");
    fflush(stdout);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    return true;
}
