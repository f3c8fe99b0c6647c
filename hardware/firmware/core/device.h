/* What a running device knows: one instance, shared by the files of the core and seen by nobody else. */
#ifndef WV_DEVICE_H
#define WV_DEVICE_H

#include "frame.h"
#include "store.h"

/* Readings under way to one aggregator, so that an ack always fits a frame. */
#define WV_MAX_IN_FLIGHT 8
/* An ack sets the clock for the first time only if it is that fresh. */
#define WV_FRESH_SECONDS 60
#define WV_LINK_SECONDS 150
/* Renewals are at least this far apart, then twice as far each time. */
#define WV_RENEW_SECONDS 60
#define WV_RENEW_MOST_SECONDS 3840
#define WV_SILENT_PERIODS 5

/* The way to one aggregator. */
typedef struct {
    /* The number of the next share; `number.boot` is kept when the session ends. */
    wv_number number;
    wv_number highest_ack;
    /* Unix time minus uptime, as this aggregator tells it. */
    uint32_t offset;
    uint32_t sent_at;
    /* When the last ack came, or what has waited longest since then was sent. */
    uint32_t heard_at;
    /* Positions of the ring to look at in this sweep, from `cursor` on. */
    uint8_t cursor;
    uint8_t left;
    uint8_t in_flight;
    bool open;
    bool timed;
    /* Something was sent since the last ack, at or after `heard_at`. */
    bool waiting;
} wv_channel;

typedef enum { WV_EMPTY, WV_RUNNING, WV_DEAD } wv_mode;

typedef struct {
    wv_settings settings;
    wv_starts starts;
    wv_checkpoints checkpoints;
    wv_mode mode;
    uint8_t flags;
    uint32_t now;

    uint32_t pulses;
    /* The newest boundary; `based` when the next reading may be measured from it. */
    wv_boundary last;
    bool based;
    bool any_boundary;
    uint8_t newest;
    uint8_t capacity;
    /* By position: a bit for each aggregator that has not settled the reading there. */
    uint8_t outstanding[WV_MAX_BOUNDARIES];
    /* All of them together, as wv_poll found them. */
    uint8_t unsettled;
    /* The slot that the clock is in; valid once the time is known. */
    uint32_t slot;
    bool slot_known;

    uint8_t challenge[WV_CHALLENGE_BYTES];
    /* The boot number that the hello names. */
    uint32_t named;
    uint32_t challenged_at;
    uint32_t renewed_at;
    uint32_t hello_at;
    uint16_t renew_after;
    bool renew_for_time;
    bool hello_due;
    /* An identity is to be sent. */
    bool announce;
    /* Provisioning is complete. */
    bool restart;

    bool link;
    uint8_t online;
    uint32_t host_at;
    uint8_t next_aggregator;
    wv_channel channel[WV_MAX_AGGREGATORS];

    /* The polynomial of the reading that is being sent, for the other aggregators. */
    wv_polynomial polynomial;
    uint32_t polynomial_slot;
    bool polynomial_valid;

    /* Parts of a provisioning that have come: bit 0 settings, bit a aggregator a. */
    uint8_t parts;

    uint16_t refused;
    uint16_t conflicts;
    uint16_t closed;
    uint16_t given_up;
    uint16_t damaged;
    uint16_t renewals;
} wv_device;

enum {
    WV_FLAG_PROVISIONED = 1,
    WV_FLAG_TIME = 2,
    WV_FLAG_LINK = 4,
    WV_FLAG_JUMPER = 8,
    WV_FLAG_STOPPED = 16,
    WV_FLAG_EEPROM = 32,
    WV_FLAG_FULL = 64
};

extern wv_device wv;
extern wv_receiver wv_line;

/* The bit of an aggregator (from 1) in masks, and the mask of all that there are. */
uint8_t wv_bit(uint8_t aggregator);
uint8_t wv_all(void);
/* Ends for good: what would have to be guessed is not guessed. */
void wv_stop(void);
/* Was anything outstanding with one of the aggregators in `mask` when this call of wv_poll began? */
uint8_t wv_pending(uint8_t mask);
bool wv_any_pending(uint8_t mask);

/* report.c */
void wv_send_hello(void);
void wv_send_identity(void);
void wv_send_status(void);
void wv_send_reply(uint8_t type, wv_code code);

/* session.c */
void wv_new_challenge(void);
/* Makes a new challenge and ends the sessions in `mask`, unless renewals are too close together. */
void wv_renew(uint8_t mask);
/* Sessions that have to be ended: their aggregator is silent, or their counter used up. */
uint8_t wv_lost_sessions(void);
/* Does an online aggregator still have to answer the challenge? */
bool wv_hello_wanted(void);
wv_code wv_take_ack(uint8_t aggregator, uint8_t *message, uint8_t length);

/* clock.c */
/* Unix seconds; false while they are not known. */
bool wv_clock(uint32_t *time);
/* Takes the time of an ack that was made after something left here at second `since`, if `bounded`. */
void wv_clock_take(wv_channel *channel, uint32_t time, bool bounded, uint32_t since);

/* readings.c */
void wv_load_readings(void);
void wv_take_pulses(void);
/* Takes a boundary if the clock has come to one: 0; else the seconds until the next, or WV_IDLE without time. */
uint16_t wv_watch_slots(void);
/* Floor of pulses * 1000 / pulses per kWh, modulo 2^32, in time that does not depend on the pulses. */
uint32_t wv_energy_wh(uint32_t pulses, uint32_t pulses_per_kwh);
/* An ack's word on readings, from the aggregator of `bit`. */
void wv_settle(const wv_ack_entry *entry, wv_channel *channel, uint8_t bit);

/* sender.c */
void wv_load_peer(wv_peer *peer, uint8_t key[WV_KEY_BYTES], uint8_t aggregator, bool ack);
void wv_start_sweep(wv_channel *channel);
/* Seals and sends one share; false when there is nothing to send now. */
bool wv_send_share(void);
/* Seconds until something unsettled may be sent again. */
uint16_t wv_seconds_to_resend(void);

/* provision.c */
wv_code wv_provision(uint8_t part, const uint8_t *content, uint8_t length);
void wv_fingerprint(uint8_t tag[WV_TAG_BYTES], uint8_t n);

#endif
