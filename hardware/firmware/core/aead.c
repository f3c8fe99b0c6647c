/* ChaCha20-Poly1305 over the block function and the authenticator. */
#include "aead.h"

static void apply_key_stream(const wv_seal *seal, uint8_t *text, uint16_t length)
{
    for (uint32_t counter = 1; length > 0; counter++) {
        wv_block block;
        wv_chacha20_block(&block, seal->key, counter, seal->nonce);
        const uint8_t part = length < 64 ? (uint8_t)length : 64;
        for (uint8_t i = 0; i < part; i++) {
            *text++ ^= block.byte[i];
        }
        length -= part;
    }
}

void wv_aead_mac_start(wv_poly1305 *mac, const uint8_t *key, const uint8_t *nonce)
{
    wv_chacha20_block(&mac->one_time, key, 0, nonce);
    wv_poly1305_start(mac);
}

static void authenticate(const wv_seal *seal, const uint8_t *text, uint16_t length, uint8_t tag[WV_TAG_BYTES])
{
    wv_poly1305 mac;
    wv_aead_mac_start(&mac, seal->key, seal->nonce);
    const uint8_t aad_length = seal->aad(&mac, seal->of);
    wv_poly1305_pad(&mac);
    wv_poly1305_take(&mac, text, length);
    wv_poly1305_finish(&mac, aad_length, length, tag);
}

void wv_aead_seal(const wv_seal *seal, uint8_t *text, uint16_t length)
{
    apply_key_stream(seal, text, length);
    authenticate(seal, text, length, text + length);
}

bool wv_aead_open(const wv_seal *seal, uint8_t *text, uint16_t length)
{
    uint8_t tag[WV_TAG_BYTES];
    authenticate(seal, text, length, tag);
    uint8_t differ = wv_differ(tag, text + length, WV_TAG_BYTES);
    /* The sender sees from the answer whether the tag was right; the tag itself stays unknown. */
    WV_PUBLIC(differ);
    if (differ != 0) {
        return false;
    }
    apply_key_stream(seal, text, length);
    return true;
}
