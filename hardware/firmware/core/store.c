/* EEPROM records. Byte by byte through the platform; nothing here knows pages or registers. */
#include "store.h"

#define CRC_AT 2
#define SETTINGS_AT 4
#define METER_AT 16
#define LAYOUT_VERSION 1

#define START_BYTES 10
#define STARTS 6
#define CHECKPOINT_BYTES 6
#define CHECKPOINTS 16
#define BOUNDARY_BYTES 15
/* Slot, pulses, kind and energy. */
#define BOUNDARY_BODY 12
#define CHECKPOINTS_AT (STARTS * START_BYTES)
#define BOUNDARIES_AT (CHECKPOINTS_AT + CHECKPOINTS * CHECKPOINT_BYTES)

#define STATE_WRITING 0xFF
#define STATE_OPEN 0x3C
#define STATE_SETTLED 0x00

/* In the body: the byte whose top bits are the kind, the others the top of the energy. */
#define KIND_AT 8
#define ENERGY_TOP 0x3F

void wv_store_read(uint8_t *to, uint16_t at, uint8_t length)
{
    while (length-- > 0) {
        *to++ = wv_port_eeprom_read(at++);
    }
}

bool wv_store_write(uint16_t at, const uint8_t *bytes, uint8_t length)
{
    uint8_t differ = 0;
    /* Every byte, also one that is there already: how long it takes must not tell what changed. */
    for (uint8_t i = 0; i < length; i++) {
        wv_port_eeprom_write(at + i, bytes[i]);
    }
    for (uint8_t i = 0; i < length; i++) {
        differ |= wv_port_eeprom_read(at + i) ^ bytes[i];
    }
    /* A cell that fails is the chip's fault, not the reading's. */
    WV_PUBLIC(differ);
    return differ == 0;
}

/* Where the rings begin: behind the keys of n aggregators. */
static uint16_t rings;

void wv_store_use(uint8_t n)
{
    rings = (uint16_t)(WV_KEYS_AT + (uint16_t)n * WV_PEER_KEYS_BYTES);
}

uint16_t wv_store_crc(void)
{
    uint16_t crc = 0xFFFF;
    for (uint16_t at = SETTINGS_AT; at < rings; at++) {
        crc = wv_crc16(crc, wv_port_eeprom_read(at));
    }
    /* Whether stored bytes are intact is no secret. */
    WV_PUBLIC(crc);
    return crc;
}

wv_condition wv_store_settings(wv_settings *settings)
{
    uint8_t bytes[METER_AT];
    wv_store_read(bytes, 0, sizeof bytes);
    if (wv_u16(bytes) != WV_MAGIC) {
        return WV_BLANK;
    }
    settings->n = bytes[5];
    settings->t = bytes[6];
    settings->checkpoint = bytes[7];
    settings->slot_seconds = wv_u16(bytes + 8);
    settings->pulses_per_kwh = wv_u32(bytes + 10);
    settings->resend_seconds = bytes[14];
    settings->meter_length = bytes[15];
    if (bytes[4] != LAYOUT_VERSION || (uint8_t)(settings->n - 1) >= WV_MAX_AGGREGATORS) {
        return WV_CORRUPT;
    }
    wv_store_use(settings->n);
    return wv_store_crc() == wv_u16(bytes + CRC_AT) ? WV_CONFIGURED : WV_CORRUPT;
}

uint8_t wv_store_meter(uint8_t meter[WV_METER_BYTES])
{
    wv_store_read(meter, METER_AT, WV_METER_BYTES);
    return wv_port_eeprom_read(METER_AT - 1);
}

uint8_t wv_store_meter_byte(uint8_t at)
{
    return wv_port_eeprom_read((uint16_t)(METER_AT + at));
}

bool wv_store_clear_rings(void)
{
    uint8_t differ = 0;
    for (uint16_t at = rings; at < WV_EEPROM_BYTES; at++) {
        if (wv_port_eeprom_read(at) != 0xFF) {
            wv_port_eeprom_write(at, 0xFF);
        }
        differ |= (uint8_t)~wv_port_eeprom_read(at);
    }
    return differ == 0;
}

/* Reads a record of `length` bytes and a CRC; does it fit? */
static bool read_record(uint8_t *record, uint16_t at, uint8_t length)
{
    uint16_t crc = 0xFFFF;
    wv_store_read(record, at, (uint8_t)(length + WV_CRC_BYTES));
    for (uint8_t i = 0; i < length + WV_CRC_BYTES; i++) {
        crc = wv_crc16(crc, record[i]);
    }
    /* Whether a record is intact depends on cuts and cells, not on what it says. */
    WV_PUBLIC(crc);
    return crc == 0;
}

/* Writes a record of `length` bytes and its CRC behind it, for which `record` has room. */
static bool write_record(uint16_t at, uint8_t *record, uint8_t length)
{
    uint16_t crc = 0xFFFF;
    for (uint8_t i = 0; i < length; i++) {
        crc = wv_crc16(crc, record[i]);
    }
    wv_put_u16(record + length, crc);
    return wv_store_write(at, record, (uint8_t)(length + WV_CRC_BYTES));
}

/* Writes a record to the first good position behind `newest`, which is never overwritten. */
static bool append(uint16_t ring, uint8_t positions, uint8_t *newest, uint8_t *record, uint8_t length)
{
    uint8_t at = *newest;
    for (uint8_t tries = 1; tries < positions; tries++) {
        if (++at == positions) {
            at = 0;
        }
        if (write_record((uint16_t)(ring + at * (length + WV_CRC_BYTES)), record, length)) {
            *newest = at;
            return true;
        }
    }
    return false;
}

/* Reads the highest record of a ring, as a big-endian number, into `record`, and its position; false without any. */
static bool find(uint16_t ring, uint8_t positions, uint8_t *newest, uint8_t *record, uint8_t length)
{
    uint8_t candidate[START_BYTES];
    bool found = false;
    memset(record, 0, length);
    for (uint8_t at = 0; at < positions; at++, ring = (uint16_t)(ring + length + WV_CRC_BYTES)) {
        if (!read_record(candidate, ring, length)) {
            continue;
        }
        /* The borrow of record - candidate: is the candidate higher? */
        uint16_t higher = 0;
        for (uint8_t i = length; i-- > 0;) {
            higher = (uint16_t)(record[i] - candidate[i] - higher) >> 15;
        }
        /* Which position is the newest shows how many were written; what they hold stays unknown. */
        WV_PUBLIC(higher);
        if (!found || higher != 0) {
            found = true;
            memcpy(record, candidate, length);
            *newest = at;
        }
    }
    return found;
}

bool wv_store_find_start(wv_starts *newest)
{
    uint8_t record[START_BYTES - WV_CRC_BYTES];
    const bool found = find(rings, STARTS, &newest->at, record, sizeof record);
    wv_words(newest, record, 2);
    return found;
}

bool wv_store_add_start(wv_starts *newest, uint32_t start, uint32_t boot)
{
    uint8_t record[START_BYTES];
    newest->start = start;
    newest->boot = boot;
    wv_words(record, newest, 2);
    return append(rings, STARTS, &newest->at, record, START_BYTES - WV_CRC_BYTES);
}

void wv_store_find_checkpoint(wv_checkpoints *newest)
{
    uint8_t record[CHECKPOINT_BYTES - WV_CRC_BYTES];
    newest->at = 0;
    (void)find(rings + CHECKPOINTS_AT, CHECKPOINTS, &newest->at, record, sizeof record);
    wv_words(newest, record, 1);
}

bool wv_store_add_checkpoint(wv_checkpoints *newest, uint32_t pulses)
{
    uint8_t record[CHECKPOINT_BYTES];
    newest->pulses = pulses;
    wv_words(record, newest, 1);
    return append(rings + CHECKPOINTS_AT, CHECKPOINTS, &newest->at, record,
                  CHECKPOINT_BYTES - WV_CRC_BYTES);
}

uint8_t wv_store_capacity(void)
{
    return (uint8_t)((WV_EEPROM_BYTES - BOUNDARIES_AT - rings) / BOUNDARY_BYTES);
}

static uint16_t boundary_at(uint8_t position)
{
    return (uint16_t)(rings + BOUNDARIES_AT + (uint16_t)position * BOUNDARY_BYTES);
}

wv_record_state wv_store_boundary(wv_boundary *boundary, uint8_t position)
{
    uint8_t record[BOUNDARY_BODY + WV_CRC_BYTES];
    const uint16_t at = boundary_at(position);
    const uint8_t state = wv_port_eeprom_read(at + BOUNDARY_BYTES - 1);
    if (!read_record(record, at, BOUNDARY_BODY)) {
        return state == STATE_OPEN || state == STATE_SETTLED ? WV_DAMAGED : WV_TORN;
    }
    boundary->kind = record[KIND_AT] >> 6;
    record[KIND_AT] &= ENERGY_TOP;
    wv_words(boundary, record, 3);
    boundary->settled = state == STATE_SETTLED;
    /* The slot and kind of a reading travel in the clear. */
    WV_PUBLIC(boundary->slot);
    WV_PUBLIC(boundary->kind);
    return WV_RECORD;
}

static bool put_state(uint16_t at, uint8_t state)
{
    return wv_store_write(at + BOUNDARY_BYTES - 1, &state, 1);
}

bool wv_store_put_boundary(const wv_boundary *boundary, uint8_t position)
{
    uint8_t record[BOUNDARY_BODY + WV_CRC_BYTES];
    const uint16_t at = boundary_at(position);
    wv_words(record, boundary, 3);
    record[KIND_AT] = (record[KIND_AT] & ENERGY_TOP) | (uint8_t)(boundary->kind << 6);
    /* The old record here may be marked as settled: the mark goes first, so that it never stands beside the new one. */
    if (wv_port_eeprom_read(at + BOUNDARY_BYTES - 1) != STATE_WRITING && !put_state(at, STATE_WRITING)) {
        return false;
    }
    if (!write_record(at, record, BOUNDARY_BODY)) {
        return false;
    }
    /* From here on the record counts. Without this mark a later damage would pass for a torn write, which is rare. */
    (void)put_state(at, STATE_OPEN);
    return true;
}

void wv_store_settle(uint8_t position)
{
    /* A cell that does not take the mark costs a repeat after the next start, and nothing else. */
    (void)put_state(boundary_at(position), STATE_SETTLED);
}
