#include "pattern.h"

#define LUMA_BLACK 16
#define LUMA_RANGE 200
#define CHROMA_NEUTRAL 128

/* Brightness of one point: diagonal stripes that move, and a bright box that runs across. */
static uint8_t luma(const pattern_planes *planes, int x, int y, uint64_t number) {
    int box = (int)((number * 6) % (uint64_t)planes->width);
    if (x >= box && x < box + planes->width / 8 && y > planes->height / 3 && y < 2 * planes->height / 3) return 235;
    return (uint8_t)(LUMA_BLACK + (x + y + (int)(number * 4)) % LUMA_RANGE);
}

void pattern_draw(const pattern_planes *planes, uint64_t number) {
    for (int y = 0; y < planes->height; y++)
        for (int x = 0; x < planes->width; x++) planes->y[y * planes->y_stride + x] = luma(planes, x, y, number);
    for (int y = 0; y < planes->height / 2; y++)
        for (int x = 0; x < planes->width / 2; x++) {
            planes->u[y * planes->u_stride + x] = (uint8_t)(CHROMA_NEUTRAL + ((x + (int)number) % 64) - 32);
            planes->v[y * planes->v_stride + x] = (uint8_t)(CHROMA_NEUTRAL + ((y + (int)number) % 64) - 32);
        }
}
