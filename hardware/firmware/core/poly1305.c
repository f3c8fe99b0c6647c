/* Poly1305 with 17 bytes of state. Every loop has a fixed length; carries are added, never tested. */
#include "poly1305.h"
#if defined(__AVR__)
#include "avr_asm.h"
#endif

/* h += a, 16 bytes; returns the carry. */
static uint8_t add(uint8_t *h, const uint8_t *a)
{
#if defined(__AVR__)
    return wv_avr_add16(h, a);
#else
    uint16_t carry = 0;
    for (uint8_t i = 0; i < 16; i++) {
        carry = (uint16_t)(carry + h[i] + a[i]);
        h[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return (uint8_t)carry;
#endif
}

void wv_poly1305_start(wv_poly1305 *mac)
{
    wv_poly1305_state *state = &mac->state;
    for (uint8_t i = 3; i < 16; i += 4) {
        state->r[i] &= 0x0F;
    }
    for (uint8_t i = 4; i < 16; i += 4) {
        state->r[i] &= 0xFC;
    }
    memset(state->h, 0, sizeof state->h);
    state->filled = 0;
}

/*
 * h = product mod 2^130 - 5, up to a little: what lies above bit 130 is worth five times as much at the bottom.
 * r is below 2^124 (clamped). With h below 2^130 + 2^128 before a block, h + block + 2^128 is below 2^131 and the product below
 * 2^255; so what lies above bit 130 is below 2^125, five times that below 2^128, and h is below 2^130 + 2^128 again.
 */
static void reduce(uint8_t h[17], const uint8_t product[34])
{
    uint16_t carry = 0;
    memcpy(h, product, 16);
    h[16] = product[16] & 3;
    product += 16;
    for (uint8_t i = 0; i < 17; i++) {
        const uint8_t high = (uint8_t)(product[0] >> 2 | product[1] << 6);
        product++;
        carry = (uint16_t)(carry + *h + 5 * high);
        *h++ = (uint8_t)carry;
        carry >>= 8;
    }
}

/* product = h * r, column by column, and a zero above it. */
static void multiply(uint8_t product[34], const uint8_t h[17], const uint8_t r[16])
{
#if defined(__AVR__)
    wv_avr_multiply(product, h, r);
#else
    uint32_t sum = 0;
    for (uint8_t column = 0; column < 32; column++) {
        const uint8_t first = column < 16 ? 0 : column - 15;
        const uint8_t last = column < 16 ? column : 16;
        for (uint8_t i = first; i <= last; i++) {
            sum += (uint32_t)h[i] * r[column - i];
        }
        product[column] = (uint8_t)sum;
        sum >>= 8;
    }
    product[32] = (uint8_t)sum;
#endif
    product[33] = 0;
}

static void end_block(wv_poly1305_state *state)
{
    uint8_t product[34];
    uint8_t *h = state->h;
    h[16] = (uint8_t)(h[16] + add(h, state->block) + 1);

    multiply(product, h, state->r);
    reduce(h, product);
    state->filled = 0;
}

void wv_poly1305_take_byte(wv_poly1305 *mac, uint8_t byte)
{
    wv_poly1305_state *state = &mac->state;
    state->block[state->filled++] = byte;
    if (state->filled == sizeof state->block) {
        end_block(state);
    }
}

void wv_poly1305_take(wv_poly1305 *mac, const uint8_t *bytes, uint16_t length)
{
    while (length-- > 0) {
        wv_poly1305_take_byte(mac, *bytes++);
    }
}

void wv_poly1305_pad(wv_poly1305 *mac)
{
    while (mac->state.filled > 0) {
        wv_poly1305_take_byte(mac, 0);
    }
}

void wv_poly1305_finish(wv_poly1305 *mac, uint16_t aad_length, uint16_t text_length, uint8_t tag[WV_TAG_BYTES])
{
    wv_poly1305_state *state = &mac->state;
    wv_poly1305_pad(mac);
    memset(state->block, 0, sizeof state->block);
    state->block[0] = (uint8_t)aad_length;
    state->block[1] = (uint8_t)(aad_length >> 8);
    state->block[8] = (uint8_t)text_length;
    state->block[9] = (uint8_t)(text_length >> 8);
    end_block(state);

    /* h is below 2 p, and h + 5 reaches 2^130 exactly when h >= p. */
    uint8_t *h = state->h;
    uint8_t reduced[17];
    uint16_t carry = 5;
    for (uint8_t i = 0; i < 17; i++) {
        carry = (uint16_t)(carry + h[i]);
        reduced[i] = (uint8_t)carry;
        carry >>= 8;
    }
    const uint8_t mask = (uint8_t)-(reduced[16] >> 2 & 1);
    for (uint8_t i = 0; i < 16; i++) {
        h[i] = (uint8_t)((h[i] & ~mask) | (reduced[i] & mask));
    }
    (void)add(h, state->s);
    memcpy(tag, h, WV_TAG_BYTES);
}
