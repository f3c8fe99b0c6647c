/* ChaCha20-Poly1305, RFC 8439, section 2.8, in place. */
#ifndef WV_AEAD_H
#define WV_AEAD_H

#include "chacha20.h"
#include "poly1305.h"

/*
 * What a message is sealed with. `nonce` must never repeat under `key`. The AAD is never in memory as a whole: `aad` hands
 * it to the authenticator, made from `of`, and returns its length.
 */
typedef struct {
    const uint8_t *key;
    const uint8_t *nonce;
    uint8_t (*aad)(wv_poly1305 *mac, const void *of);
    const void *of;
} wv_seal;

/* Encrypts `text` in place and writes the tag behind it: room for length + 16 bytes. */
void wv_aead_seal(const wv_seal *seal, uint8_t *text, uint16_t length);
/* Decrypts `text` in place when the tag behind its `length` bytes fits; false, and nothing changed, when not. */
bool wv_aead_open(const wv_seal *seal, uint8_t *text, uint16_t length);
/* The one-time key of a message: the first half of block 0. */
void wv_aead_mac_start(wv_poly1305 *mac, const uint8_t *key, const uint8_t *nonce);

#endif
