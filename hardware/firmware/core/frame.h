/* Frames on the serial line: COBS, CRC-16, delimiter (PROTOCOL.md, "Line and frames"). */
#ifndef WV_FRAME_H
#define WV_FRAME_H

#include "bytes.h"
#include "wv.h"

enum {
    WV_HELLO = 0x01,
    WV_SHARE = 0x02,
    WV_STATUS = 0x03,
    WV_IDENTITY = 0x05,
    WV_REPLY = 0x06,
    WV_LINK = 0x81,
    WV_ACK = 0x82,
    WV_PROVISION = 0x83,
    WV_ASK = 0x84
};

/* Codes of a reply. */
typedef enum {
    WV_DONE = 0,
    WV_UNKNOWN_TYPE = 1,
    WV_WRONG_LENGTH = 2,
    WV_UNPROVISIONED = 3,
    WV_PROVISIONED = 4,
    WV_NO_JUMPER = 5,
    WV_OUT_OF_RANGE = 6,
    WV_PARTS_MISSING = 7,
    WV_WRONG_FINGERPRINT = 8,
    WV_EEPROM_FAILED = 9,
    WV_MALFORMED = 10,
    WV_BAD_SEAL = 11,
    WV_REPLAYED = 12,
    WV_UNKNOWN_AGGREGATOR = 13,
    WV_STOPPED = 14
} wv_code;

#define WV_CRC_BYTES 2

/* The receive buffer. While `ready` it holds a whole frame without its CRC, and takes no more bytes. */
typedef struct {
    uint8_t bytes[WV_FRAME_MAX];
    uint8_t length;
    volatile bool ready;
    /* Bytes until the next code byte of COBS; what is wrong is read up to its delimiter and dropped. */
    uint8_t remaining;
    bool started;
    bool wrong;
    uint16_t crc;
    uint16_t noise;
    uint16_t overruns;
} wv_receiver;

/* One byte from the line; true when a frame is complete. */
bool wv_receiver_take(wv_receiver *receiver, uint8_t byte);
/* Makes room for the next frame. */
void wv_receiver_clear(wv_receiver *receiver);

/* Sends type and payload: `frame` has `length` bytes and room for WV_CRC_BYTES more. */
void wv_frame_send(uint8_t *frame, uint8_t length);

/* Adds one to a counter that stops at its highest value. */
void wv_count(uint16_t *counter);

#endif
