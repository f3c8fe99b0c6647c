/* Big- and little-endian integers in byte strings, and the marks for the test of constant behaviour. */
#ifndef WV_BYTES_H
#define WV_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Constants that stay in flash on an AVR, whose RAM is scarce; elsewhere they are ordinary constants. */
#if defined(__AVR__)
#define WV_FLASH const __flash
#else
#define WV_FLASH const
#endif

/*
 * Says that what was a function of secrets may from here on decide branches, and why it may stands beside each use.
 * The host test of constant behaviour defines it (memcheck); everywhere else it is nothing.
 */
#if defined(WV_MARK_PUBLIC)
void wv_mark_public(const void *bytes, size_t length);
#define WV_PUBLIC(variable) wv_mark_public(&(variable), sizeof(variable))
#define WV_PUBLIC_BYTES(bytes, length) wv_mark_public(bytes, length)
#else
#define WV_PUBLIC(variable) ((void)0)
#define WV_PUBLIC_BYTES(bytes, length) ((void)0)
#endif

static inline uint16_t wv_u16(const uint8_t *bytes)
{
    return (uint16_t)((uint16_t)bytes[0] << 8 | bytes[1]);
}

uint32_t wv_u32(const uint8_t *bytes);
void wv_put_u16(uint8_t *bytes, uint16_t value);
void wv_put_u32(uint8_t *bytes, uint32_t value);
/* Words to big-endian bytes, or back: a struct may be given that begins with `count` members of type uint32_t. */
void wv_words(void *to, const void *from, uint8_t count);
void wv_from_flash(uint8_t *to, WV_FLASH uint8_t *from, uint8_t length);

/* CRC-16/CCITT-FALSE, one byte further, from 0xFFFF; without branches or tables, since records hold readings. */
uint16_t wv_crc16(uint16_t crc, uint8_t byte);

/* 0 when the strings are equal; in time that depends on `length` only. */
uint8_t wv_differ(const uint8_t *a, const uint8_t *b, uint8_t length);

#endif
