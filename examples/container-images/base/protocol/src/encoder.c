#include "encoder.h"

#include <stdlib.h>
#include <x264.h>

#include "pattern.h"

struct encoder {
    x264_t *x264;
    x264_picture_t picture;
    uint64_t number;
};

encoder *encoder_open(void) {
    x264_param_t param;
    if (x264_param_default_preset(&param, "ultrafast", "zerolatency") < 0) return NULL;
    param.i_width = STREAM_WIDTH;
    param.i_height = STREAM_HEIGHT;
    param.i_fps_num = STREAM_FPS;
    param.i_fps_den = 1;
    param.i_csp = X264_CSP_I420;
    param.i_threads = 1;
    param.i_keyint_max = STREAM_FPS;
    param.b_repeat_headers = 1;
    param.b_annexb = 1;
    param.i_log_level = X264_LOG_ERROR;

    encoder *self = calloc(1, sizeof *self);
    if (self == NULL) return NULL;
    if (x264_picture_alloc(&self->picture, X264_CSP_I420, STREAM_WIDTH, STREAM_HEIGHT) < 0) {
        free(self);
        return NULL;
    }
    self->x264 = x264_encoder_open(&param);
    if (self->x264 == NULL) {
        encoder_close(self);
        return NULL;
    }
    return self;
}

bool encoder_next(encoder *self, const uint8_t **data, size_t *bytes) {
    x264_image_t *image = &self->picture.img;
    pattern_planes planes = {
        .width = STREAM_WIDTH,
        .height = STREAM_HEIGHT,
        .y = image->plane[0],
        .u = image->plane[1],
        .v = image->plane[2],
        .y_stride = image->i_stride[0],
        .u_stride = image->i_stride[1],
        .v_stride = image->i_stride[2],
    };
    pattern_draw(&planes, self->number);
    self->picture.i_pts = (int64_t)self->number++;

    x264_nal_t *nals = NULL;
    int count = 0;
    x264_picture_t encoded;
    int size = x264_encoder_encode(self->x264, &nals, &count, &self->picture, &encoded);
    if (size <= 0 || count <= 0) return false;
    /* The units of one frame lie one after the other. */
    *data = nals[0].p_payload;
    *bytes = (size_t)size;
    return true;
}

void encoder_close(encoder *self) {
    if (self == NULL) return;
    if (self->x264 != NULL) x264_encoder_close(self->x264);
    x264_picture_clean(&self->picture);
    free(self);
}
