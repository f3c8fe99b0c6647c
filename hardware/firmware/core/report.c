/* What the device says of itself. Nothing here depends on pulses. */
#include "device.h"

#define PROTOCOL_VERSION 1
#define REPLY_BYTES 3
#define STATUS_BYTES 34

static uint8_t flags(void)
{
    uint32_t time;
    uint8_t set = wv.flags;
    if (wv.mode == WV_RUNNING) {
        set |= WV_FLAG_PROVISIONED;
        set |= wv_clock(&time) ? WV_FLAG_TIME : 0;
        set |= wv.link ? WV_FLAG_LINK : 0;
    } else if (wv.mode == WV_DEAD) {
        set |= WV_FLAG_PROVISIONED | WV_FLAG_STOPPED;
    }
    return set | (wv_port_jumper() ? WV_FLAG_JUMPER : 0);
}

void wv_send_reply(uint8_t type, wv_code code)
{
    uint8_t frame[REPLY_BYTES + WV_CRC_BYTES] = {WV_REPLY, type, (uint8_t)code};
    wv_frame_send(frame, REPLY_BYTES);
}

void wv_send_hello(void)
{
    uint8_t frame[10 + WV_CHALLENGE_BYTES + WV_METER_BYTES + WV_CRC_BYTES];
    frame[0] = WV_HELLO;
    frame[1] = PROTOCOL_VERSION;
    frame[2] = wv.settings.n;
    frame[3] = wv.settings.t;
    wv_put_u16(frame + 4, wv.settings.slot_seconds);
    wv_put_u32(frame + 6, wv.named);
    memcpy(frame + 10, wv.challenge, WV_CHALLENGE_BYTES);
    wv_frame_send(frame, (uint8_t)(10 + WV_CHALLENGE_BYTES + wv_store_meter(frame + 10 + WV_CHALLENGE_BYTES)));
    wv.hello_due = false;
    wv.hello_at = wv.now;
}

void wv_send_identity(void)
{
    uint8_t frame[3 + WV_TAG_BYTES + WV_METER_BYTES + WV_CRC_BYTES];
    uint8_t length = 3 + WV_TAG_BYTES;
    memset(frame, 0, sizeof frame);
    frame[0] = WV_IDENTITY;
    frame[1] = PROTOCOL_VERSION;
    frame[2] = flags();
    if (wv.mode == WV_RUNNING) {
        wv_fingerprint(frame + 3, wv.settings.n);
        /* A tag under a key that only device and provisioning know. */
        WV_PUBLIC_BYTES(frame + 3, WV_TAG_BYTES);
        length = (uint8_t)(length + wv_store_meter(frame + length));
    }
    wv_frame_send(frame, length);
}

void wv_send_status(void)
{
    uint8_t frame[STATUS_BYTES + WV_CRC_BYTES];
    const uint16_t counters[] = {wv_line.noise, wv_line.overruns, wv.refused, wv.conflicts,
                                 wv.closed,     wv.given_up,      wv.damaged, wv.renewals};
    uint32_t time = 0;
    uint8_t sessions = 0;
    for (uint8_t i = 0; i < wv.settings.n; i++) {
        sessions |= wv.channel[i].open ? wv_bit((uint8_t)(i + 1)) : 0;
    }
    (void)wv_clock(&time);
    frame[0] = WV_STATUS;
    frame[1] = flags();
    wv_put_u32(frame + 2, wv.now);
    wv_put_u32(frame + 6, time);
    frame[10] = sessions;
    frame[11] = wv_pending(wv_all());
    frame[12] = wv.capacity;
    frame[13] = wv.settings.checkpoint;
    for (uint8_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        wv_put_u16(frame + 14 + 2 * i, counters[i]);
    }
    wv_put_u32(frame + 30, wv.starts.start);
    wv_frame_send(frame, STATUS_BYTES);
}
