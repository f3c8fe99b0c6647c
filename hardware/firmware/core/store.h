/*
 * What must survive a power cut: settings and keys, and three rings of records (PROTOCOL.md, "EEPROM"). A record counts
 * when its CRC fits; writing one never touches the newest of its ring, so a cut leaves the old state or the new one.
 */
#ifndef WV_STORE_H
#define WV_STORE_H

#include "message.h"
#include "wv.h"

#define WV_MAGIC 0x5756
#define WV_KEYS_AT 80
#define WV_POLYNOMIAL_KEY_AT 48
#define WV_PEER_KEYS_BYTES 64

/* Settings, as they lie in the EEPROM from byte 4 on. */
typedef struct {
    uint8_t n;
    uint8_t t;
    uint8_t checkpoint;
    uint8_t resend_seconds;
    uint16_t slot_seconds;
    uint32_t pulses_per_kwh;
    uint8_t meter_length;
} wv_settings;

typedef struct {
    uint32_t start;
    /* The highest boot number ever granted. */
    uint32_t boot;
    uint8_t at;
} wv_starts;

typedef struct {
    uint32_t pulses;
    uint8_t at;
} wv_checkpoints;

enum { WV_BASE = 0, WV_IMPORT = 1, WV_CATCHUP = 3 };

typedef struct {
    /* The slot that ended at this boundary. */
    uint32_t slot;
    uint32_t pulses;
    uint32_t energy_wh;
    uint8_t kind;
    bool settled;
} wv_boundary;

/* What a position of the ring of boundaries holds. */
typedef enum { WV_RECORD, WV_TORN, WV_DAMAGED } wv_record_state;

typedef enum { WV_BLANK, WV_CONFIGURED, WV_CORRUPT } wv_condition;

/* Reads and checks settings and keys. */
wv_condition wv_store_settings(wv_settings *settings);
uint8_t wv_store_meter(uint8_t meter[WV_METER_BYTES]);
/* One byte of the meter's name. */
uint8_t wv_store_meter_byte(uint8_t at);
void wv_store_read(uint8_t *to, uint16_t at, uint8_t length);
/* Writes, reads back; false when a cell does not hold what was written. Time depends on `length` alone. */
bool wv_store_write(uint16_t at, const uint8_t *bytes, uint8_t length);
/* Lays out what follows for n aggregators; wv_store_settings does it by itself. */
void wv_store_use(uint8_t n);
/* CRC-16 of settings and keys. */
uint16_t wv_store_crc(void);
/* Makes every position of every ring empty. */
bool wv_store_clear_rings(void);

/* The newest record; false when there is none. */
bool wv_store_find_start(wv_starts *newest);
/* Appends behind `newest` and moves it; false when no cell takes it. */
bool wv_store_add_start(wv_starts *newest, uint32_t start, uint32_t boot);

void wv_store_find_checkpoint(wv_checkpoints *newest);
bool wv_store_add_checkpoint(wv_checkpoints *newest, uint32_t pulses);

/* Positions of the ring of boundaries, at most WV_MAX_BOUNDARIES. */
#define WV_MAX_BOUNDARIES 48
uint8_t wv_store_capacity(void);
wv_record_state wv_store_boundary(wv_boundary *boundary, uint8_t position);
/* Writes one position; false when its cells do not hold it. */
bool wv_store_put_boundary(const wv_boundary *boundary, uint8_t position);
void wv_store_settle(uint8_t position);

#endif
