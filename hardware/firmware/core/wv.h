/*
 * A Wattveil pulse meter: pulses in, sealed shares out over a serial line, acks in (PROTOCOL.md).
 * Portable C99 without allocation or platform headers: time, pulses, EEPROM and line come through the wv_port functions,
 * which the platform defines. All functions but wv_receive are called from the main loop only.
 */
#ifndef WV_H
#define WV_H

#include <stdbool.h>
#include <stdint.h>

#define WV_EEPROM_BYTES 1024
#define WV_MAX_AGGREGATORS 5
#define WV_MAX_THRESHOLD 3
/* Type, payload and CRC before COBS. */
#define WV_FRAME_MAX 200

/* ---- What the platform provides ---- */

/* One byte of EEPROM, 0 to WV_EEPROM_BYTES - 1. */
uint8_t wv_port_eeprom_read(uint16_t at);
/* Writes one byte and returns when it is in the cell. Need not compare: the core skips bytes that are right already. */
void wv_port_eeprom_write(uint16_t at, uint8_t value);
/* Puts one byte on the line, waiting for room where there is none. */
void wv_port_send(uint8_t byte);
/* Whole seconds since the start: never goes back, runs during sleep. */
uint32_t wv_port_seconds(void);
/* Pulses since the last call. Taken atomically: a pulse is handed out exactly once. */
uint16_t wv_port_take_pulses(void);
/* Is the provisioning jumper set? */
bool wv_port_jumper(void);

/* ---- What the core provides ---- */

/* wv_poll has nothing to do until a byte, or a pulse, or nothing at all. */
#define WV_IDLE UINT16_MAX

/* Reads the EEPROM and begins a new start. Call once, before anything else; writes up to 10 bytes of EEPROM. */
void wv_start(void);

/*
 * Takes one byte from the line. Safe in a receive interrupt that wv_poll does not share. True when a frame is complete:
 * call wv_poll soon. Bytes that come between that and the end of wv_poll are lost (the gateway waits for a reply).
 */
bool wv_receive(uint8_t byte);

/*
 * Does one piece of work: takes pulses, and then works on one frame, closes one slot or seals and sends one share.
 * Returns the seconds until it has to be called again: 0 at once, WV_IDLE: not before a byte. Call it earlier when
 * a frame is complete or when WV_PULSES_DUE pulses wait, so that the bound on lost pulses holds.
 */
uint16_t wv_poll(void);

/* Pulses that the platform may let wait before it calls wv_poll. */
#define WV_PULSES_DUE 4

#endif
