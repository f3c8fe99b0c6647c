/* Which reading goes to which aggregator next, and sealing it. One share at a time, aggregators in turn. */
#include "device.h"

/* The head of a share message never changes, so it stays here: type and aggregator take its last two places. */
#define FRAME_AT (WV_SHARE_FIXED_BYTES - 2)
#define FRAME_BYTES (WV_SHARE_BYTES - FRAME_AT)

void wv_load_peer(wv_peer *peer, uint8_t key[WV_KEY_BYTES], uint8_t aggregator, bool ack)
{
    const uint16_t keys = (uint16_t)(WV_KEYS_AT + (uint16_t)(aggregator - 1) * WV_PEER_KEYS_BYTES);
    wv_store_read(key, ack ? keys + WV_KEY_BYTES : keys, WV_KEY_BYTES);
    peer->key = key;
    peer->meter = wv_store_meter_byte;
    peer->meter_length = wv.settings.meter_length;
    peer->aggregator = aggregator;
}

void wv_start_sweep(wv_channel *channel)
{
    /* The oldest lies behind the newest. */
    channel->cursor = (uint8_t)(wv.newest + 1) < wv.capacity ? (uint8_t)(wv.newest + 1) : 0;
    channel->left = wv.capacity;
    channel->in_flight = 0;
}

/* The next reading that this channel should send; false when there is none now. */
static bool next_reading(wv_channel *channel, uint8_t bit, wv_boundary *boundary)
{
    if (channel->left == 0 || channel->in_flight >= WV_MAX_IN_FLIGHT) {
        if (!wv_any_pending(bit) || wv.now - channel->sent_at < wv.settings.resend_seconds) {
            return false;
        }
        wv_start_sweep(channel);
    }
    if (!wv_any_pending(bit)) {
        channel->left = 0;
    }
    while (channel->left > 0) {
        const uint8_t position = channel->cursor;
        channel->cursor = (uint8_t)(position + 1) < wv.capacity ? (uint8_t)(position + 1) : 0;
        channel->left--;
        if ((wv.outstanding[position] & bit) == 0) {
            continue;
        }
        if (wv_store_boundary(boundary, position) == WV_RECORD) {
            return true;
        }
        wv.outstanding[position] = 0;
        wv_count(&wv.damaged);
    }
    return false;
}

static void load_polynomial(const wv_boundary *boundary)
{
    if (wv.polynomial_valid && wv.polynomial_slot == boundary->slot) {
        return;
    }
    uint8_t key[WV_KEY_BYTES];
    uint8_t reading[8] = {0};
    wv_store_read(key, WV_POLYNOMIAL_KEY_AT, WV_KEY_BYTES);
    wv_put_u32(reading + 4, boundary->energy_wh);
    wv_polynomial_of(&wv.polynomial, key, boundary->kind, boundary->slot, reading, wv.settings.t);
    wv.polynomial_slot = boundary->slot;
    wv.polynomial_valid = true;
}

static void send_share(wv_channel *channel, uint8_t aggregator, const wv_boundary *boundary)
{
    uint8_t message[WV_SHARE_BYTES + WV_CRC_BYTES];
    uint8_t key[WV_KEY_BYTES];
    wv_peer peer;
    load_polynomial(boundary);
    wv_load_peer(&peer, key, aggregator, false);
    wv_polynomial_entry(&wv.polynomial, aggregator, message + WV_SHARE_ENTRY_AT);
    /* The number is used up before anything is sealed with it. */
    const wv_number number = channel->number;
    channel->number.counter++;
    wv_share_seal(message, &peer, boundary->kind, boundary->slot, &number);
    WV_PUBLIC_BYTES(message, WV_SHARE_BYTES);
    message[FRAME_AT] = WV_SHARE;
    message[FRAME_AT + 1] = aggregator;
    wv_frame_send(message + FRAME_AT, FRAME_BYTES);
    channel->sent_at = wv.now;
    channel->in_flight++;
    if (!channel->waiting) {
        channel->waiting = true;
        channel->heard_at = wv.now;
    }
}

static bool may_send(uint8_t index)
{
    const wv_channel *channel = &wv.channel[index];
    return channel->open && (wv.online & wv_bit((uint8_t)(index + 1))) != 0 && channel->number.counter != UINT32_MAX;
}

bool wv_send_share(void)
{
    for (uint8_t tries = 0; tries < wv.settings.n; tries++) {
        const uint8_t index = wv.next_aggregator;
        wv.next_aggregator = (uint8_t)(index + 1) < wv.settings.n ? (uint8_t)(index + 1) : 0;
        wv_boundary boundary;
        if (may_send(index) && next_reading(&wv.channel[index], wv_bit((uint8_t)(index + 1)), &boundary)) {
            send_share(&wv.channel[index], (uint8_t)(index + 1), &boundary);
            return true;
        }
    }
    return false;
}

uint16_t wv_seconds_to_resend(void)
{
    uint16_t least = WV_IDLE;
    for (uint8_t i = 0; i < wv.settings.n; i++) {
        if (!may_send(i) || !wv_any_pending(wv_bit((uint8_t)(i + 1)))) {
            continue;
        }
        const uint32_t since = wv.now - wv.channel[i].sent_at;
        const uint16_t left = since < wv.settings.resend_seconds ? (uint16_t)(wv.settings.resend_seconds - since) : 1;
        least = left < least ? left : least;
    }
    return least;
}
