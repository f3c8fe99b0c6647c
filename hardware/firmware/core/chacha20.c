/* The ChaCha20 block function: additions, rotations and exclusive ors on fixed positions, nothing else. */
#include "chacha20.h"
#if defined(__AVR__)
#include "avr_asm.h"
#endif

#if defined(__AVR__)
/* Little-endian and without alignment, as the cipher's words are. */
typedef uint32_t __attribute__((may_alias)) wv_word;
#define load(bytes) (*(const wv_word *)(bytes))
#else
static uint32_t load(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}
#endif

#if defined(__AVR__)
#define double_rounds wv_avr_chacha20_rounds
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

static void double_rounds(uint32_t *x)
{
    for (uint8_t round = 0; round < 10; round++) {
        for (uint8_t i = 0; i < 4; i++) {
            quarter_round(x, i, 4 + i, 8 + i, 12 + i);
        }
        for (uint8_t i = 0; i < 4; i++) {
            quarter_round(x, i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3));
        }
    }
}
#endif

#if defined(__AVR__)
#define add(block, at, value) ((block)->word[at] += (value))
#else
static void add(wv_block *block, uint8_t at, uint32_t value)
{
    const uint32_t sum = block->word[at] + value;
    uint8_t *bytes = &block->byte[4 * at];
    bytes[0] = (uint8_t)sum;
    bytes[1] = (uint8_t)(sum >> 8);
    bytes[2] = (uint8_t)(sum >> 16);
    bytes[3] = (uint8_t)(sum >> 24);
}
#endif

/* "expand 32-byte k" */
static WV_FLASH uint32_t CONSTANTS[4] = {0x61707865, 0x3320646E, 0x79622D32, 0x6B206574};

void wv_chacha20_block(wv_block *out, const uint8_t key[WV_KEY_BYTES], uint32_t counter,
                       const uint8_t nonce[WV_NONCE_BYTES])
{
    uint32_t *x = out->word;
    for (uint8_t i = 0; i < 4; i++) {
        x[i] = CONSTANTS[i];
    }
    for (uint8_t i = 0; i < 8; i++) {
        x[4 + i] = load(key + 4 * i);
    }
    x[12] = counter;
    for (uint8_t i = 0; i < 3; i++) {
        x[13 + i] = load(nonce + 4 * i);
    }
    double_rounds(x);
    for (uint8_t i = 0; i < 4; i++) {
        add(out, i, CONSTANTS[i]);
    }
    for (uint8_t i = 0; i < 8; i++) {
        add(out, 4 + i, load(key + 4 * i));
    }
    add(out, 12, counter);
    for (uint8_t i = 0; i < 3; i++) {
        add(out, 13 + i, load(nonce + 4 * i));
    }
}
