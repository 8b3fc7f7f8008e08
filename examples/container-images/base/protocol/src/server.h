/* The three ports that a client knows. */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>

#include "wire.h"

#define DISCOVERY_TCP_PORT 32262
#define STREAM_UDP_PORT 32263
#define STREAM_TCP_PORT 32273

/* Serves until a listener fails; false when one could not be opened. */
bool server_run(const wire_key *key);

#endif
