/* Share messages out, acks in: COSE_Encrypt0 of fixed layout (docs/protocol.md). */
#ifndef WV_MESSAGE_H
#define WV_MESSAGE_H

#include "aead.h"
#include "frame.h"
#include "polynomial.h"

#define WV_METER_BYTES 32
#define WV_SHARE_BYTES 60
/* So many bytes at its beginning are the same in every share message. */
#define WV_SHARE_FIXED_BYTES 10
#define WV_CHALLENGE_BYTES 16
/* Tag, array, protected header {1: 24}, Partial IV. */
#define WV_ACK_HEAD_BYTES 18

/* One end of a line between a meter and an aggregator. */
typedef struct {
    const uint8_t *key;
    /* The meter's name, byte by byte. */
    uint8_t (*meter)(uint8_t at);
    uint8_t meter_length;
    /* Index of the aggregator, one digit. */
    uint8_t aggregator;
} wv_peer;

typedef struct {
    uint32_t boot;
    uint32_t counter;
} wv_number;

/* Seals one entry, which lies at the place of the ciphertext: message + WV_SHARE_ENTRY_AT. */
#define WV_SHARE_ENTRY_AT 28
void wv_share_seal(uint8_t message[WV_SHARE_BYTES], const wv_peer *peer, uint8_t kind, uint32_t slot,
                   const wv_number *number);

typedef struct {
    uint8_t kind;
    uint32_t first_slot;
    uint32_t count;
    uint8_t code;
} wv_ack_entry;

typedef struct {
    wv_number number;
    uint32_t time;
    wv_number highest;
    /* NULL unless the ack answers a hello. */
    const uint8_t *challenge;
    uint32_t boot;
    uint8_t entries;
    /* Where wv_ack_next goes on. */
    const uint8_t *next;
} wv_ack;

/*
 * Opens an ack of `length` bytes in place and checks all of it: WV_DONE, WV_MALFORMED or WV_BAD_SEAL. `ack` points into
 * the message. Anything that is not in shortest form, or out of range, is malformed.
 */
wv_code wv_ack_open(wv_ack *ack, uint8_t *message, uint8_t length, const wv_peer *peer);
/* The next of `ack->entries` entries; false when there are no more. */
bool wv_ack_next(wv_ack *ack, wv_ack_entry *entry);

#endif
