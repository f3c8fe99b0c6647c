/* Big-endian integers, CRC and comparison. */
#include "bytes.h"

/* Which byte of a word stands where in memory. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define TURN 0
#else
#define TURN 3
#endif

void wv_words(void *to, const void *from, uint8_t count)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    for (count = (uint8_t)(count * sizeof(uint32_t)); count-- > 0;) {
        target[(uint8_t)(count ^ TURN)] = source[count];
    }
}

uint32_t wv_u32(const uint8_t *bytes)
{
    uint32_t value;
    wv_words(&value, bytes, 1);
    return value;
}

void wv_put_u16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

void wv_put_u32(uint8_t *bytes, uint32_t value)
{
    wv_words(bytes, &value, 1);
}

void wv_from_flash(uint8_t *to, WV_FLASH uint8_t *from, uint8_t length)
{
    while (length-- > 0) {
        *to++ = *from++;
    }
}

uint16_t wv_crc16(uint16_t crc, uint8_t byte)
{
    /* Byte by byte, as an 8-bit processor has no other shifts. */
    uint8_t x = (uint8_t)(crc >> 8) ^ byte;
    x ^= (uint8_t)(x >> 4);
    const uint8_t high = (uint8_t)((uint8_t)crc ^ (uint8_t)(x << 4) ^ (uint8_t)(x >> 3));
    const uint8_t low = (uint8_t)(x ^ (uint8_t)(x << 5));
    return (uint16_t)((uint16_t)high << 8 | low);
}

uint8_t wv_differ(const uint8_t *a, const uint8_t *b, uint8_t length)
{
    uint8_t difference = 0;
    while (length-- > 0) {
        difference |= *a++ ^ *b++;
    }
    return difference;
}
