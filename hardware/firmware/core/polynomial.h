/* Shamir shares over GF(p), p = 2^61 - 1, with coefficients from a PRF (docs/protocol.md, "Polynomial"). */
#ifndef WV_POLYNOMIAL_H
#define WV_POLYNOMIAL_H

#include "chacha20.h"
#include "wv.h"

#define WV_ELEMENT_BYTES 8
/* A share, then the polynomial's tag. */
#define WV_ENTRY_BYTES 16

/* Elements are little-endian; the tag is as on the wire. */
typedef struct {
    uint8_t tag[8];
    /* The reading, then the coefficients of x and its powers. */
    uint8_t coefficient[WV_MAX_THRESHOLD][WV_ELEMENT_BYTES];
    uint8_t t;
} wv_polynomial;

/* The polynomial of a reading (u64, big-endian, below p). `kind` is 1 to 4, `t` 1 to WV_MAX_THRESHOLD. */
void wv_polynomial_of(wv_polynomial *polynomial, const uint8_t key[WV_KEY_BYTES], uint8_t kind, uint32_t slot,
                      const uint8_t reading[8], uint8_t t);

/*
 * Takes coefficients from one group of 8 key stream bytes, unless it is p itself; `found` are there already,
 * the reading not counted.
 * Returns how many there are then. Reads and writes the same memory whatever the group holds.
 */
uint8_t wv_polynomial_take(wv_polynomial *polynomial, uint8_t found, const uint8_t group[8]);

/* The entry of aggregator x (1 to WV_MAX_AGGREGATORS): f(x), big-endian, and the tag. */
void wv_polynomial_entry(const wv_polynomial *polynomial, uint8_t x, uint8_t entry[WV_ENTRY_BYTES]);

#endif
