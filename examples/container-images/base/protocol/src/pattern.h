/* The picture that is streamed: a moving test pattern in planar YUV 4:2:0. */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdint.h>

typedef struct {
    int width, height;
    uint8_t *y, *u, *v;
    int y_stride, u_stride, v_stride;
} pattern_planes;

/* Draws frame `number` of the pattern. */
void pattern_draw(const pattern_planes *planes, uint64_t number);

#endif
