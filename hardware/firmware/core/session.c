/*
 * Challenges, sessions and acks (PROTOCOL.md, "Why no nonce repeats"): a boot number is durable before it is used, and a
 * session ends only together with its challenge, so the same grant can never open a second one.
 */
#include "device.h"

/* Counter word of the challenge: no polynomial (kinds 1 to 4 in the top byte) and no sealed message uses it. */
#define CHALLENGE_COUNTER 0xC0000000
/* More starts than are forgotten. The next hello names the highest grant, and further ahead no other aggregator takes it. */
#define MAX_BOOT_LEAP 0x10000

void wv_new_challenge(void)
{
    uint8_t key[WV_KEY_BYTES];
    uint8_t nonce[WV_NONCE_BYTES];
    wv_block block;
    wv_store_read(key, WV_POLYNOMIAL_KEY_AT, WV_KEY_BYTES);
    wv_words(nonce, &wv.starts, 2);
    wv_put_u32(nonce + 8, wv.pulses);
    wv_chacha20_block(&block, key, CHALLENGE_COUNTER, nonce);
    memcpy(wv.challenge, block.byte, WV_CHALLENGE_BYTES);
    /* It goes out in the clear: the output of a PRF tells nothing of key or pulses. */
    WV_PUBLIC_BYTES(wv.challenge, WV_CHALLENGE_BYTES);
    wv.named = wv.starts.boot;
    wv.challenged_at = wv.now;
    wv.hello_due = true;
}

void wv_renew(uint8_t mask)
{
    if (wv.now - wv.renewed_at < wv.renew_after) {
        return;
    }
    wv.renewed_at = wv.now;
    wv.renew_after = wv.renew_after < WV_RENEW_MOST_SECONDS ? (uint16_t)(2 * wv.renew_after) : WV_RENEW_MOST_SECONDS;
    wv.renew_for_time = false;
    for (uint8_t i = 0; i < wv.settings.n; i++) {
        if ((mask & wv_bit((uint8_t)(i + 1))) != 0) {
            wv.channel[i].open = false;
        }
    }
    wv_count(&wv.renewals);
    if (!wv_store_add_start(&wv.starts, wv.starts.start + 1, wv.starts.boot)) {
        wv_stop();
        return;
    }
    wv_new_challenge();
}

uint8_t wv_lost_sessions(void)
{
    uint16_t patience = (uint16_t)(WV_SILENT_PERIODS * wv.settings.resend_seconds);
    if (patience < WV_FRESH_SECONDS) {
        patience = WV_FRESH_SECONDS;
    }
    uint8_t lost = 0;
    for (uint8_t i = 0; i < wv.settings.n; i++) {
        const wv_channel *channel = &wv.channel[i];
        const uint8_t bit = wv_bit((uint8_t)(i + 1));
        const bool silent = channel->waiting && wv.now - channel->heard_at > patience && wv_any_pending(bit);
        if (channel->open && (wv.online & bit) != 0 && (silent || channel->number.counter == UINT32_MAX)) {
            lost |= bit;
        }
    }
    return lost;
}

bool wv_hello_wanted(void)
{
    uint32_t time;
    const bool timeless = !wv_clock(&time);
    for (uint8_t i = 0; i < wv.settings.n; i++) {
        const wv_channel *channel = &wv.channel[i];
        if ((wv.online & wv_bit((uint8_t)(i + 1))) != 0 && (!channel->open || (timeless && !channel->timed))) {
            return true;
        }
    }
    return false;
}

static bool is_above(const wv_number *a, const wv_number *b)
{
    return a->boot > b->boot || (a->boot == b->boot && a->counter > b->counter);
}

/* Opens the session for which this answer grants a boot number; false when it may not. */
static bool open_session(wv_channel *channel, uint32_t boot)
{
    if (boot <= wv.named || boot - wv.named > MAX_BOOT_LEAP || boot <= channel->number.boot) {
        return false;
    }
    if (boot > wv.starts.boot && !wv_store_add_start(&wv.starts, wv.starts.start, boot)) {
        wv_stop();
        return false;
    }
    channel->number.boot = boot;
    channel->number.counter = 0;
    channel->open = true;
    wv_start_sweep(channel);
    return true;
}

wv_code wv_take_ack(uint8_t aggregator, uint8_t *message, uint8_t length)
{
    if (aggregator < 1 || aggregator > wv.settings.n) {
        return WV_UNKNOWN_AGGREGATOR;
    }
    wv_ack ack;
    {
        uint8_t key[WV_KEY_BYTES];
        wv_peer peer;
        wv_load_peer(&peer, key, aggregator, true);
        const wv_code code = wv_ack_open(&ack, message, length, &peer);
        if (code != WV_DONE) {
            return code;
        }
    }
    wv_channel *channel = &wv.channel[aggregator - 1];
    const bool answers = ack.challenge != NULL && wv_differ(ack.challenge, wv.challenge, WV_CHALLENGE_BYTES) == 0;
    const bool taken = channel->open ? is_above(&ack.number, &channel->highest_ack)
                                     : answers && open_session(channel, ack.boot);
    if (!taken) {
        return WV_REPLAYED;
    }
    channel->highest_ack = ack.number;
    channel->waiting = false;

    /* The newest thing of ours that the aggregator provably had when it made this ack. */
    const bool saw_last = channel->number.counter > 0 && ack.highest.boot == channel->number.boot &&
                          ack.highest.counter == channel->number.counter - 1;
    const uint32_t since =
        saw_last && !(answers && (int32_t)(wv.challenged_at - channel->sent_at) > 0) ? channel->sent_at : wv.challenged_at;
    wv_clock_take(channel, ack.time, saw_last || answers, since);

    wv_ack_entry entry;
    while (wv_ack_next(&ack, &entry)) {
        wv_settle(&entry, channel, wv_bit(aggregator));
    }
    return WV_DONE;
}
