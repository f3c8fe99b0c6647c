/* Commands for single functions of the core: what vectors and fuzzers ask for. */
#include "driver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../core/device.h"
#include "port.h"

#define MAX_BYTES 65536

/* Whether keys, readings and plaintexts of the following commands count as secret. */
static bool secrets;

static void secrets_on(void)
{
    secrets = strcmp(word(), "on") == 0;
    printf("ok");
}

static void hide(void *bytes, size_t length)
{
    if (secrets) {
        host_mark_secret(bytes, length);
    }
}

static uint8_t text[MAX_BYTES + WV_TAG_BYTES];
static uint8_t aad[256];
static uint8_t key[WV_KEY_BYTES];
static uint8_t nonce[WV_NONCE_BYTES];

static void read_key(void)
{
    bytes(key, sizeof key);
    hide(key, sizeof key);
}

static void block(void)
{
    wv_block out;
    read_key();
    const uint32_t counter = number();
    bytes(nonce, sizeof nonce);
    wv_chacha20_block(&out, key, counter, nonce);
    print_bytes(out.byte, sizeof out.byte);
}

static void mac(void)
{
    wv_poly1305 state;
    uint8_t tag[WV_TAG_BYTES];
    uint8_t one_time[32];
    bytes(one_time, sizeof one_time);
    const size_t length = bytes(text, MAX_BYTES);
    memcpy(state.one_time.byte, one_time, sizeof one_time);
    wv_poly1305_start(&state);
    wv_poly1305_take(&state, text, (uint16_t)length);
    wv_poly1305_finish(&state, 0, (uint16_t)length, tag);
    print_bytes(tag, sizeof tag);
}

static uint8_t aad_length;

static uint8_t take_aad(wv_poly1305 *state, const void *of)
{
    wv_poly1305_take(state, of, aad_length);
    return aad_length;
}

static wv_seal read_seal(void)
{
    read_key();
    bytes(nonce, sizeof nonce);
    aad_length = (uint8_t)bytes(aad, UINT8_MAX);
    const wv_seal seal = {key, nonce, take_aad, aad};
    return seal;
}

static void seal(void)
{
    const wv_seal with = read_seal();
    const size_t length = bytes(text, MAX_BYTES);
    hide(text, length);
    wv_aead_seal(&with, text, (uint16_t)length);
    print_bytes(text, length + WV_TAG_BYTES);
}

static void open(void)
{
    const wv_seal with = read_seal();
    const size_t length = bytes(text, sizeof text);
    if (length < WV_TAG_BYTES || !wv_aead_open(&with, text, (uint16_t)(length - WV_TAG_BYTES))) {
        printf("refused");
        return;
    }
    print_bytes(text, length - WV_TAG_BYTES);
}

/* key kind slot reading t n: the tag, t - 1 coefficients (big-endian), n entries. */
static void polynomial(void)
{
    wv_polynomial made;
    uint8_t reading[8];
    read_key();
    const uint8_t kind = (uint8_t)number();
    const uint32_t slot = number();
    bytes(reading, sizeof reading);
    hide(reading, sizeof reading);
    const uint8_t t = (uint8_t)number();
    const uint8_t n = (uint8_t)number();
    wv_polynomial_of(&made, key, kind, slot, reading, t);
    print_bytes(made.tag, sizeof made.tag);
    for (uint8_t k = 0; k + 1 < t; k++) {
        uint8_t turned[8];
        for (uint8_t i = 0; i < 8; i++) {
            turned[i] = made.coefficient[k + 1][7 - i];
        }
        printf(" ");
        print_bytes(turned, sizeof turned);
    }
    for (uint8_t x = 1; x <= n; x++) {
        uint8_t entry[WV_ENTRY_BYTES];
        wv_polynomial_entry(&made, x, entry);
        printf(" ");
        print_bytes(entry, sizeof entry);
    }
}

/* t group ...: which groups of key stream become coefficients. */
static void take(void)
{
    wv_polynomial made;
    uint8_t group[8];
    memset(&made, 0, sizeof made);
    made.t = (uint8_t)number();
    uint8_t found = 0;
    for (uint32_t groups = number(); groups > 0; groups--) {
        bytes(group, sizeof group);
        found = wv_polynomial_take(&made, found, group);
    }
    printf("%u", found);
    for (uint8_t k = 0; k + 1 < made.t; k++) {
        printf(" ");
        print_bytes(made.coefficient[k + 1], WV_ELEMENT_BYTES);
    }
}

static const char *meter;

static uint8_t meter_byte(uint8_t at)
{
    return (uint8_t)meter[at];
}

static wv_peer read_peer(void)
{
    wv_peer peer;
    read_key();
    meter = word();
    peer.key = key;
    peer.meter = meter_byte;
    peer.meter_length = (uint8_t)strlen(meter);
    peer.aggregator = (uint8_t)number();
    return peer;
}

/* key meter aggregator kind slot boot counter entry */
static void share(void)
{
    uint8_t message[WV_SHARE_BYTES];
    const wv_peer peer = read_peer();
    const uint8_t kind = (uint8_t)number();
    const uint32_t slot = number();
    wv_number with;
    with.boot = number();
    with.counter = number();
    bytes(message + WV_SHARE_ENTRY_AT, WV_ENTRY_BYTES);
    wv_share_seal(message, &peer, kind, slot, &with);
    print_bytes(message, sizeof message);
}

/* key meter aggregator message: what the ack says, or the code of its refusal. */
static void ack(void)
{
    const wv_peer peer = read_peer();
    const size_t length = bytes(text, UINT8_MAX);
    /* A copy of just that size, so that a sanitizer sees a step beyond its end. */
    uint8_t exact[UINT8_MAX];
    uint8_t *message = exact + (sizeof exact - length);
    memcpy(message, text, length);
    wv_ack opened;
    const wv_code code = wv_ack_open(&opened, message, (uint8_t)length, &peer);
    printf("%u", code);
    if (code != WV_DONE) {
        return;
    }
    printf(" %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " ", opened.number.boot, opened.number.counter,
           opened.time, opened.highest.boot, opened.highest.counter);
    if (opened.challenge == NULL) {
        printf("- 0");
    } else {
        print_bytes(opened.challenge, WV_CHALLENGE_BYTES);
        printf(" %" PRIu32, opened.boot);
    }
    wv_ack_entry entry;
    while (wv_ack_next(&opened, &entry)) {
        printf(" %u:%" PRIu32 ":%" PRIu32 ":%u", entry.kind, entry.first_slot, entry.count, entry.code);
    }
}

/* Type and payload to the bytes of the line. */
static void encode(void)
{
    uint8_t frame[WV_FRAME_MAX];
    const size_t length = bytes(frame, WV_FRAME_MAX - WV_CRC_BYTES);
    wv_frame_send(frame, (uint8_t)length);
    print_bytes(host.sent, host.sent_length);
    host.sent_length = 0;
}

/* Bytes of the line to frames, each with its type, and the number of pieces dropped. */
static void decode(void)
{
    static wv_receiver receiver;
    memset(&receiver, 0, sizeof receiver);
    wv_receiver_clear(&receiver);
    const size_t length = bytes(text, MAX_BYTES);
    for (size_t i = 0; i < length; i++) {
        if (wv_receiver_take(&receiver, text[i])) {
            print_bytes(receiver.bytes, receiver.length);
            printf(" ");
            wv_receiver_clear(&receiver);
        }
    }
    printf("%u", receiver.noise);
}

/* The control of the test of constant behaviour: what it must catch. */
static void leak(void)
{
    static const uint8_t TABLE[256] = {1, 2, 3};
    const char *how = word();
    uint8_t secret = wv_port_eeprom_read(WV_POLYNOMIAL_KEY_AT);
    if (strcmp(how, "branch") == 0) {
        /* Volatile, so that no compiler makes a conditional move of it. */
        static volatile uint8_t found;
        if (secret > 100) {
            found = TABLE[1];
        }
        printf("%u", found);
    } else {
        uint8_t found = TABLE[secret];
        print_bytes(&found, 1);
    }
}

static void energy(void)
{
    uint32_t pulses = number();
    const uint32_t per_kwh = number();
    hide(&pulses, sizeof pulses);
    uint32_t wh = wv_energy_wh(pulses, per_kwh);
    WV_PUBLIC(wh);
    printf("%" PRIu32, wh);
}

bool run_part(const char *command)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } PARTS[] = {{"block", block}, {"mac", mac},     {"seal", seal},     {"open", open}, {"polynomial", polynomial},
                 {"take", take},   {"share", share}, {"ack", ack},       {"encode", encode}, {"decode", decode},
                 {"leak", leak},   {"energy", energy}, {"secrets", secrets_on}};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        if (strcmp(command, PARTS[i].name) == 0) {
            PARTS[i].run();
            printf("\n");
            return true;
        }
    }
    return false;
}
