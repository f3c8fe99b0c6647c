/* The ChaCha20 block function, RFC 8439, section 2.3. */
#ifndef WV_CHACHA20_H
#define WV_CHACHA20_H

#include "bytes.h"

#define WV_KEY_BYTES 32
#define WV_NONCE_BYTES 12

/* A key stream block. */
typedef struct {
    uint8_t byte[64];
} wv_block;

void wv_chacha20_block(wv_block *out, const uint8_t key[WV_KEY_BYTES], uint32_t counter,
                       const uint8_t nonce[WV_NONCE_BYTES]);

#endif
