/* The wire: hellos, encrypted frames, and sockets that never wait for ever. README.md describes the bytes. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_BYTES 16
#define IV_BYTES 16
#define MAC_BYTES 32
#define HELLO_BYTES (IV_BYTES + MAC_BYTES)
#define MAX_PAYLOAD_BYTES (1024 * 1024)

typedef struct {
    uint8_t bytes[KEY_BYTES];
} wire_key;

/* Fills a hello: a random iv and the proof that its sender has the key. */
bool wire_make_hello(const wire_key *key, uint8_t hello[HELLO_BYTES]);
/* Whether a hello's sender has the key; takes the same time for every wrong one. */
bool wire_check_hello(const wire_key *key, const uint8_t hello[HELLO_BYTES]);
/* Exchanges hellos on a connection; false when the peer is silent, gone, or has not the key. */
bool wire_greet(int socket, const wire_key *key);
/* Sends one encrypted frame. `sequence` counts up from 0 on each connection. */
bool wire_send_frame(int socket, const wire_key *key, uint64_t sequence, const uint8_t *payload, size_t bytes);

bool wire_send_all(int socket, const uint8_t *data, size_t bytes);
bool wire_receive_all(int socket, uint8_t *data, size_t bytes);
/* How long a peer may keep a read or a write waiting. */
void wire_set_timeouts(int socket, int seconds);

#endif
