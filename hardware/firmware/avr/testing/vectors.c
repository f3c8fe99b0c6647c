/*
 * The steps of the core one by one, called by frames on the serial line, so that a test can compare each with the vectors of
 * the standards and of protocol/. Knows nothing of pulses, EEPROM or sessions.
 *
 * A frame is a step's number and its arguments, one after the other; the answer has the same type. Fields have fixed
 * lengths but the last: key 32, nonce 12, integers big-endian.
 */
#include "../../core/aead.h"
#include "../../core/frame.h"
#include "../../core/message.h"
#include "../../core/polynomial.h"
#include "../board.h"

enum {
    BLOCK = 0x11,      /* key, counter u32, nonce -> block (64) */
    SEAL = 0x12,       /* key, nonce, AAD's length u8, AAD, text -> text, tag */
    OPEN = 0x13,       /* key, nonce, AAD's length u8, AAD, text, tag -> 1, text; or 0 */
    SPLIT = 0x14,      /* key, kind u8, slot u32, reading u64, t u8, n u8 -> tag (8), n entries (16) */
    TAKE = 0x15,       /* t u8, found u8, group (8) -> found u8, t - 1 coefficients, little-endian */
    SHARE = 0x16,      /* share key, aggregator u8, kind u8, slot u32, boot u32, counter u32, entry (16), meter -> message */
    OPEN_ACK = 0x17,   /* ack key, aggregator u8, meter's length u8, meter, ack -> code u8 and, if 0, what is in it */
};

static wv_receiver receiver;
static uint8_t answer[WV_FRAME_MAX];

bool wv_receive(uint8_t byte)
{
    return wv_receiver_take(&receiver, byte);
}

static uint8_t block(const uint8_t *in, uint8_t *out)
{
    wv_block made;
    wv_chacha20_block(&made, in, wv_u32(in + 32), in + 36);
    memcpy(out, made.byte, 64);
    return 64;
}

/* The length of what follows, and that. */
static uint8_t take_aad(wv_poly1305 *mac, const void *of)
{
    const uint8_t *aad = of;
    wv_poly1305_take(mac, aad + 1, aad[0]);
    return aad[0];
}

static uint8_t seal_or_open(uint8_t step, uint8_t *in, uint8_t length, uint8_t *out)
{
    const wv_seal seal = {.key = in, .nonce = in + 32, .aad = take_aad, .of = in + 44};
    const uint8_t *text = in + 45 + in[44];
    uint8_t text_length = (uint8_t)(length - 45 - in[44]);
    if (step == SEAL) {
        memcpy(out, text, text_length);
        wv_aead_seal(&seal, out, text_length);
        return (uint8_t)(text_length + WV_TAG_BYTES);
    }
    memcpy(out + 1, text, text_length);
    text_length = (uint8_t)(text_length - WV_TAG_BYTES);
    out[0] = wv_aead_open(&seal, out + 1, text_length);
    return out[0] ? (uint8_t)(text_length + 1) : 1;
}

static uint8_t split(const uint8_t *in, uint8_t *out)
{
    wv_polynomial polynomial;
    uint8_t n = in[46];
    wv_polynomial_of(&polynomial, in, in[32], wv_u32(in + 33), in + 37, in[45]);
    memcpy(out, polynomial.tag, 8);
    for (uint8_t x = 1; x <= n; x++) {
        wv_polynomial_entry(&polynomial, x, out + 8 + WV_ENTRY_BYTES * (x - 1));
    }
    return (uint8_t)(8 + WV_ENTRY_BYTES * n);
}

static uint8_t take(const uint8_t *in, uint8_t *out)
{
    wv_polynomial polynomial = {.t = in[0]};
    out[0] = wv_polynomial_take(&polynomial, in[1], in + 2);
    uint8_t length = (uint8_t)(WV_ELEMENT_BYTES * (in[0] - 1));
    memcpy(out + 1, polynomial.coefficient[1], length);
    return (uint8_t)(1 + length);
}

static const uint8_t *meter;

static uint8_t meter_byte(uint8_t at)
{
    return meter[at];
}

static uint8_t share(const uint8_t *in, uint8_t length, uint8_t *out)
{
    const wv_peer peer = {
        .key = in, .meter = meter_byte, .meter_length = (uint8_t)(length - 62), .aggregator = in[32]};
    meter = in + 62;
    const wv_number number = {.boot = wv_u32(in + 38), .counter = wv_u32(in + 42)};
    memcpy(out + WV_SHARE_ENTRY_AT, in + 46, WV_ENTRY_BYTES);
    wv_share_seal(out, &peer, in[33], wv_u32(in + 34), &number);
    return WV_SHARE_BYTES;
}

static uint8_t *put(uint8_t *out, uint32_t value)
{
    wv_put_u32(out, value);
    return out + 4;
}

static uint8_t open_ack(uint8_t *in, uint8_t length, uint8_t *out)
{
    const uint8_t meter_length = in[33];
    const wv_peer peer = {.key = in, .meter = meter_byte, .meter_length = meter_length, .aggregator = in[32]};
    meter = in + 34;
    wv_ack ack;
    wv_ack_entry entry;
    uint8_t *to = out;
    *to++ = wv_ack_open(&ack, in + 34 + meter_length, (uint8_t)(length - 34 - meter_length), &peer);
    if (out[0] != WV_DONE) {
        return 1;
    }
    to = put(put(to, ack.number.boot), ack.number.counter);
    to = put(put(put(to, ack.time), ack.highest.boot), ack.highest.counter);
    *to++ = ack.challenge != NULL;
    if (ack.challenge != NULL) {
        memcpy(to, ack.challenge, WV_CHALLENGE_BYTES);
        to = put(to + WV_CHALLENGE_BYTES, ack.boot);
    }
    while (wv_ack_next(&ack, &entry)) {
        *to++ = entry.kind;
        to = put(put(to, entry.first_slot), entry.count);
        *to++ = entry.code;
    }
    return (uint8_t)(to - out);
}

static uint8_t take_step(uint8_t step, uint8_t *in, uint8_t length, uint8_t *out)
{
    switch (step) {
    case BLOCK:
        return block(in, out);
    case SEAL:
    case OPEN:
        return seal_or_open(step, in, length, out);
    case SPLIT:
        return split(in, out);
    case TAKE:
        return take(in, out);
    case SHARE:
        return share(in, length, out);
    case OPEN_ACK:
        return open_ack(in, length, out);
    default:
        return 0;
    }
}

int main(void)
{
    wv_receiver_clear(&receiver);
    line_begin();
    sei();
    for (;;) {
        cli();
        while (!line_take_frame()) {
            sleep_until_interrupt();
        }
        sei();
        answer[0] = receiver.bytes[0];
        doing(DOING_WORK);
        uint8_t length = take_step(answer[0], receiver.bytes + 1, (uint8_t)(receiver.length - 1), answer + 1);
        doing(DOING_SLEEP);
        wv_frame_send(answer, (uint8_t)(length + 1));
        wv_receiver_clear(&receiver);
    }
}
