#include "wire.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void put_u32(uint8_t *to, uint32_t value) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void put_u64(uint8_t *to, uint64_t value) {
    for (int i = 0; i < 8; i++) to[i] = (uint8_t)(value >> (56 - 8 * i));
}

static bool mac(const wire_key *key, const uint8_t *data, size_t bytes, uint8_t out[MAC_BYTES]) {
    unsigned int length = 0;
    return HMAC(EVP_sha256(), key->bytes, KEY_BYTES, data, bytes, out, &length) != NULL && length == MAC_BYTES;
}

static bool hello_mac(const wire_key *key, const uint8_t iv[IV_BYTES], uint8_t out[MAC_BYTES]) {
    uint8_t proven[IV_BYTES + KEY_BYTES];
    memcpy(proven, iv, IV_BYTES);
    memcpy(proven + IV_BYTES, key->bytes, KEY_BYTES);
    return mac(key, proven, sizeof proven, out);
}

bool wire_make_hello(const wire_key *key, uint8_t hello[HELLO_BYTES]) {
    return RAND_bytes(hello, IV_BYTES) == 1 && hello_mac(key, hello, hello + IV_BYTES);
}

bool wire_check_hello(const wire_key *key, const uint8_t hello[HELLO_BYTES]) {
    uint8_t expected[MAC_BYTES];
    return hello_mac(key, hello, expected) && CRYPTO_memcmp(expected, hello + IV_BYTES, MAC_BYTES) == 0;
}

bool wire_greet(int socket, const wire_key *key) {
    uint8_t ours[HELLO_BYTES], theirs[HELLO_BYTES];
    return wire_make_hello(key, ours) && wire_send_all(socket, ours, sizeof ours) &&
           wire_receive_all(socket, theirs, sizeof theirs) && wire_check_hello(key, theirs);
}

bool wire_send_all(int socket, const uint8_t *data, size_t bytes) {
    while (bytes > 0) {
        ssize_t sent = send(socket, data, bytes, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        data += sent;
        bytes -= (size_t)sent;
    }
    return true;
}

bool wire_receive_all(int socket, uint8_t *data, size_t bytes) {
    while (bytes > 0) {
        ssize_t received = recv(socket, data, bytes, 0);
        if (received <= 0) return false;
        data += received;
        bytes -= (size_t)received;
    }
    return true;
}

void wire_set_timeouts(int socket, int seconds) {
    struct timeval limit = {.tv_sec = seconds};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* sequence[8] payload, encrypted; returns the length of the ciphertext, 0 on failure. */
static size_t encrypt(const wire_key *key, const uint8_t iv[IV_BYTES], uint64_t sequence, const uint8_t *payload,
                      size_t bytes, uint8_t *out) {
    uint8_t number[8];
    int first = 0, second = 0, last = 0;
    put_u64(number, sequence);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done = context != NULL && EVP_EncryptInit_ex(context, EVP_aes_128_cbc(), NULL, key->bytes, iv) == 1 &&
                EVP_EncryptUpdate(context, out, &first, number, sizeof number) == 1 &&
                EVP_EncryptUpdate(context, out + first, &second, payload, (int)bytes) == 1 &&
                EVP_EncryptFinal_ex(context, out + first + second, &last) == 1;
    EVP_CIPHER_CTX_free(context);
    return done ? (size_t)(first + second + last) : 0;
}

bool wire_send_frame(int socket, const wire_key *key, uint64_t sequence, const uint8_t *payload, size_t bytes) {
    static _Thread_local uint8_t buffer[4 + IV_BYTES + MAC_BYTES + MAX_PAYLOAD_BYTES + 64];
    static _Thread_local uint8_t signed_part[IV_BYTES + MAX_PAYLOAD_BYTES + 64];
    uint8_t *iv = buffer + 4, *tag = iv + IV_BYTES, *ciphertext = tag + MAC_BYTES;
    if (bytes > MAX_PAYLOAD_BYTES || RAND_bytes(iv, IV_BYTES) != 1) return false;
    size_t length = encrypt(key, iv, sequence, payload, bytes, ciphertext);
    if (length == 0) return false;
    memcpy(signed_part, iv, IV_BYTES);
    memcpy(signed_part + IV_BYTES, ciphertext, length);
    if (!mac(key, signed_part, IV_BYTES + length, tag)) return false;
    put_u32(buffer, (uint32_t)(IV_BYTES + MAC_BYTES + length));
    return wire_send_all(socket, buffer, 4 + IV_BYTES + MAC_BYTES + length);
}
