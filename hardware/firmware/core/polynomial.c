/* Field arithmetic in bytes: with x <= 5 a product needs no more than 64 bits, so nothing wider is ever formed. */
#include "polynomial.h"

/* Bits of the field's top byte: 61 = 7 * 8 + 5. */
#define TOP_MASK 0x1F

uint8_t wv_polynomial_take(wv_polynomial *polynomial, uint8_t found, const uint8_t group[8])
{
    /* All ones (as far as the mask goes) is p, which is no element. */
    uint8_t missing = (uint8_t)~(group[0] | (uint8_t)~TOP_MASK);
    for (uint8_t i = 1; i < 8; i++) {
        missing |= (uint8_t)~group[i];
    }
    const uint8_t usable = (uint8_t)(((uint16_t)missing + 0xFF) >> 8);
    uint8_t taken = 0;
    for (uint8_t k = 0; k + 1 < polynomial->t; k++) {
        const uint8_t other = found ^ k;
        const uint8_t here = usable & (uint8_t)~(((uint16_t)other + 0xFF) >> 8) & 1;
        const uint8_t mask = (uint8_t)-here;
        uint8_t *to = polynomial->coefficient[k + 1];
        for (uint8_t i = 0; i < 8; i++) {
            const uint8_t value = i == 0 ? group[0] & TOP_MASK : group[i];
            to[7 - i] = (uint8_t)((to[7 - i] & ~mask) | (value & mask));
        }
        taken |= here;
    }
    return (uint8_t)(found + taken);
}

void wv_polynomial_of(wv_polynomial *polynomial, const uint8_t key[WV_KEY_BYTES], uint8_t kind, uint32_t slot,
                      const uint8_t reading[8], uint8_t t)
{
    wv_block block;
    uint8_t nonce[WV_NONCE_BYTES];
    wv_put_u32(nonce, slot);
    memcpy(nonce + 4, reading, 8);
    for (uint8_t i = 0; i < 8; i++) {
        polynomial->coefficient[0][i] = reading[7 - i];
    }
    polynomial->t = t;
    uint32_t counter = (uint32_t)kind << 24;
    wv_chacha20_block(&block, key, counter, nonce);
    memcpy(polynomial->tag, block.byte, 8);
    uint8_t found = 0;
    uint8_t first = 8;
    for (;;) {
        for (uint8_t at = first; at < 64; at += 8) {
            found = wv_polynomial_take(polynomial, found, block.byte + at);
        }
        /* That a block gave too few shows once in 2^300 readings, and nothing but that. */
        WV_PUBLIC(found);
        if (found + 1 >= t) {
            return;
        }
        wv_chacha20_block(&block, key, ++counter, nonce);
        first = 0;
    }
}

/* value += addend, below 2^64. */
static void add_small(uint8_t value[8], uint8_t addend)
{
    uint16_t carry = addend;
    for (uint8_t i = 0; i < 8; i++) {
        carry = (uint16_t)(carry + value[i]);
        value[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void wv_polynomial_entry(const wv_polynomial *polynomial, uint8_t x, uint8_t entry[WV_ENTRY_BYTES])
{
    uint8_t value[8] = {0};
    uint16_t carry;
    for (uint8_t k = polynomial->t; k-- > 0;) {
        /* value = value * x + coefficient, below 2^61 + 7. */
        const uint8_t *addend = polynomial->coefficient[k];
        carry = 0;
        for (uint8_t i = 0; i < 8; i++) {
            carry = (uint16_t)((uint16_t)value[i] * x + addend[i] + carry);
            value[i] = (uint8_t)carry;
            carry >>= 8;
        }
        /* 2^61 = 1: the top three bits are worth as much at the bottom. */
        const uint8_t top = value[7] >> 5;
        value[7] &= TOP_MASK;
        add_small(value, top);
    }
    /* value + 1 reaches 2^61 exactly when value >= p; then value - p is value + 1 without that bit. */
    carry = 1;
    for (uint8_t i = 0; i < 7; i++) {
        carry = (uint16_t)(carry + value[i]) >> 8;
    }
    add_small(value, (uint8_t)(carry + value[7]) >> 5);
    value[7] &= TOP_MASK;
    for (uint8_t i = 0; i < 8; i++) {
        entry[7 - i] = value[i];
    }
    memcpy(entry + 8, polynomial->tag, 8);
}
