/* H.264 for one viewer. */
#ifndef ENCODER_H
#define ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_WIDTH 640
#define STREAM_HEIGHT 360
#define STREAM_FPS 30

typedef struct encoder encoder;

encoder *encoder_open(void);
/* Draws and encodes the next frame; `data` is good until the next call. False when the encoder failed. */
bool encoder_next(encoder *self, const uint8_t **data, size_t *bytes);
void encoder_close(encoder *self);

#endif
