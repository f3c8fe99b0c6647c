/* Poly1305, RFC 8439, section 2.5, in bytes: what an 8-bit multiplier does best. */
#ifndef WV_POLY1305_H
#define WV_POLY1305_H

#include "chacha20.h"

#define WV_TAG_BYTES 16

typedef struct {
    uint8_t r[16];
    uint8_t s[16];
    /* Below 2^130 + a little, little-endian. */
    uint8_t h[17];
    /* What has come of the next block. */
    uint8_t block[16];
    uint8_t filled;
} wv_poly1305_state;

typedef union {
    /* The one-time key, r and then s, is what a block of key stream begins with: it is made where it is needed. */
    wv_block one_time;
    wv_poly1305_state state;
} wv_poly1305;

/* Begins with the one-time key in `mac->one_time`; used for one message only. */
void wv_poly1305_start(wv_poly1305 *mac);
/* The next bytes, however they are cut. */
void wv_poly1305_take_byte(wv_poly1305 *mac, uint8_t byte);
void wv_poly1305_take(wv_poly1305 *mac, const uint8_t *bytes, uint16_t length);
/* Zeros up to a full block, as the AEAD construction wants them behind AAD and text. */
void wv_poly1305_pad(wv_poly1305 *mac);
/* Pads, takes the last block of the AEAD construction, both lengths, and gives the tag. */
void wv_poly1305_finish(wv_poly1305 *mac, uint16_t aad_length, uint16_t text_length, uint8_t tag[WV_TAG_BYTES]);

#endif
