/* The ChaCha20 block function: additions, rotations and exclusive ors on fixed positions, nothing else. */
#include "chacha20.h"
#if defined(__AVR__)
#include "avr_asm.h"
#endif

#if defined(__AVR__)
#define double_rounds wv_avr_chacha20_rounds
#define add_words wv_avr_add_words
#else
#define ROTATE(value, bits) ((value) << (bits) | (value) >> (32 - (bits)))

static void quarter_round(uint32_t *x, uint8_t ia, uint8_t ib, uint8_t ic, uint8_t id)
{
    uint32_t a = x[ia];
    uint32_t b = x[ib];
    uint32_t c = x[ic];
    uint32_t d = x[id];
    a += b;
    d ^= a;
    d = ROTATE(d, 16);
    c += d;
    b ^= c;
    b = ROTATE(b, 12);
    a += b;
    d ^= a;
    d = ROTATE(d, 8);
    c += d;
    b ^= c;
    b = ROTATE(b, 7);
    x[ia] = a;
    x[ib] = b;
    x[ic] = c;
    x[id] = d;
}

static void double_rounds(uint8_t *bytes)
{
    uint32_t x[16];
    for (uint8_t i = 0; i < 16; i++) {
        const uint8_t *from = bytes + 4 * i;
        x[i] = (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
    }
    for (uint8_t round = 0; round < 10; round++) {
        for (uint8_t i = 0; i < 4; i++) {
            quarter_round(x, i, 4 + i, 8 + i, 12 + i);
        }
        for (uint8_t i = 0; i < 4; i++) {
            quarter_round(x, i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3));
        }
    }
    for (uint8_t i = 0; i < 64; i++) {
        bytes[i] = (uint8_t)(x[i / 4] >> (8 * (i % 4)));
    }
}

/* Adds little-endian words, each by itself. */
static void add_words(uint8_t *to, const uint8_t *from, uint8_t words)
{
    for (uint8_t i = 0; i < words * 4; i += 4) {
        uint16_t carry = 0;
        for (uint8_t j = i; j < i + 4; j++) {
            carry = (uint16_t)(carry + to[j] + from[j]);
            to[j] = (uint8_t)carry;
            carry >>= 8;
        }
    }
}
#endif

#define ROW_BYTES 16

static WV_FLASH uint8_t CONSTANTS[] = {'e', 'x', 'p', 'a', 'n', 'd', ' ', '3', '2', '-', 'b', 'y', 't', 'e', ' ', 'k'};

/* The last row of the state: the counter, little-endian, and the nonce. */
static void last_row(uint8_t row[ROW_BYTES], uint32_t counter, const uint8_t nonce[WV_NONCE_BYTES])
{
    for (uint8_t i = 0; i < 4; i++) {
        row[i] = (uint8_t)counter;
        counter >>= 8;
    }
    memcpy(row + 4, nonce, WV_NONCE_BYTES);
}

void wv_chacha20_block(wv_block *out, const uint8_t key[WV_KEY_BYTES], uint32_t counter,
                       const uint8_t nonce[WV_NONCE_BYTES])
{
    uint8_t row[ROW_BYTES];
    uint8_t *state = out->byte;
    wv_from_flash(state, CONSTANTS, ROW_BYTES);
    memcpy(state + ROW_BYTES, key, WV_KEY_BYTES);
    last_row(state + 3 * ROW_BYTES, counter, nonce);
    double_rounds(state);
    wv_from_flash(row, CONSTANTS, ROW_BYTES);
    add_words(state, row, 4);
    add_words(state + ROW_BYTES, key, 8);
    last_row(row, counter, nonce);
    add_words(state + 3 * ROW_BYTES, row, 4);
}
