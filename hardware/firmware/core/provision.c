/* Settings and keys come over the line once: while there are none, with the jumper set. Nothing here reads them out. */
#include "device.h"

#define SETTINGS_PART 0
#define COMMIT_PART 255
/* n, t, checkpoint, slot seconds, pulses, resend seconds, polynomial key: before the meter's name. */
#define SETTINGS_BYTES (10 + WV_KEY_BYTES)
#define LAYOUT_VERSION 1
#define SETTINGS_AT 4
#define MAX_SLOT_SECONDS 3600
#define MAX_PULSES_PER_KWH 1000000
/* Twice what may wait or come while a checkpoint is under way. */
#define MIN_CHECKPOINT 16

void wv_fingerprint(uint8_t tag[WV_TAG_BYTES], uint8_t n)
{
    static WV_FLASH uint8_t NAME[] = {'w', 'v', '1', ' ', 'i', 'd', 'e', 'n', 't', 'i', 't', 'y'};
    uint8_t bytes[WV_KEY_BYTES];
    uint8_t nonce[WV_NONCE_BYTES];
    wv_poly1305 mac;
    wv_from_flash(nonce, NAME, sizeof NAME);
    wv_store_read(bytes, WV_POLYNOMIAL_KEY_AT, WV_KEY_BYTES);
    wv_aead_mac_start(&mac, bytes, nonce);
    const uint16_t end = (uint16_t)(WV_KEYS_AT + (uint16_t)n * WV_PEER_KEYS_BYTES);
    for (uint16_t at = SETTINGS_AT; at < end; at += 16) {
        const uint8_t part = end - at < 16 ? (uint8_t)(end - at) : 16;
        wv_store_read(bytes, at, part);
        wv_poly1305_take(&mac, bytes, part);
    }
    wv_poly1305_finish(&mac, end - SETTINGS_AT, 0, tag);
}

static bool is_name(const uint8_t *name, uint8_t length)
{
    for (uint8_t i = 0; i < length; i++) {
        const bool letter = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9');
        if (!letter && (i == 0 || name[i] != '-')) {
            return false;
        }
    }
    return true;
}

static wv_code take_settings(const uint8_t *content, uint8_t length)
{
    if (length <= SETTINGS_BYTES || length > SETTINGS_BYTES + WV_METER_BYTES) {
        return WV_WRONG_LENGTH;
    }
    const uint8_t n = content[0];
    const uint8_t t = content[1];
    const uint16_t slot_seconds = wv_u16(content + 3);
    const uint32_t pulses = wv_u32(content + 5);
    const uint8_t *name = content + SETTINGS_BYTES;
    const uint8_t name_length = (uint8_t)(length - SETTINGS_BYTES);
    if (n < 1 || n > WV_MAX_AGGREGATORS || t < 1 || t > WV_MAX_THRESHOLD || t > n || content[2] < MIN_CHECKPOINT ||
        slot_seconds < 1 || slot_seconds > MAX_SLOT_SECONDS || pulses < 1 || pulses > MAX_PULSES_PER_KWH ||
        content[9] < 1 || !is_name(name, name_length)) {
        return WV_OUT_OF_RANGE;
    }
    /* As they lie in the EEPROM from SETTINGS_AT on: version, settings, length of the name, name. */
    uint8_t record[12 + WV_METER_BYTES] = {LAYOUT_VERSION};
    memcpy(record + 1, content, 10);
    record[11] = name_length;
    memcpy(record + 12, name, name_length);
    wv.parts = 0;
    wv.settings.n = n;
    wv_store_use(n);
    if (!wv_store_clear_rings() || !wv_store_write(SETTINGS_AT, record, sizeof record) ||
        !wv_store_write(WV_POLYNOMIAL_KEY_AT, content + 10, WV_KEY_BYTES)) {
        return WV_EEPROM_FAILED;
    }
    wv.parts = 1;
    return WV_DONE;
}

static wv_code take_keys(uint8_t aggregator, const uint8_t *content, uint8_t length)
{
    if ((wv.parts & 1) == 0) {
        return WV_PARTS_MISSING;
    }
    if (aggregator > wv.settings.n) {
        return WV_UNKNOWN_AGGREGATOR;
    }
    if (length != WV_PEER_KEYS_BYTES) {
        return WV_WRONG_LENGTH;
    }
    if (!wv_store_write((uint16_t)(WV_KEYS_AT + (uint16_t)(aggregator - 1) * WV_PEER_KEYS_BYTES), content, length)) {
        return WV_EEPROM_FAILED;
    }
    wv.parts |= (uint8_t)(1 << aggregator);
    return WV_DONE;
}

static wv_code commit(const uint8_t *content, uint8_t length)
{
    const uint8_t n = wv.settings.n;
    if (length != WV_TAG_BYTES) {
        return WV_WRONG_LENGTH;
    }
    if (n == 0 || wv.parts != (uint8_t)((1 << (n + 1)) - 1)) {
        return WV_PARTS_MISSING;
    }
    uint8_t tag[WV_TAG_BYTES];
    wv_fingerprint(tag, n);
    uint8_t differ = wv_differ(tag, content, WV_TAG_BYTES);
    /* The host sees from the answer whether it was right. */
    WV_PUBLIC(differ);
    if (differ != 0) {
        return WV_WRONG_FINGERPRINT;
    }
    uint8_t head[4];
    wv_starts first = {0, 0, 0};
    wv_put_u16(head, WV_MAGIC);
    wv_put_u16(head + 2, wv_store_crc());
    /* The magic is last: before it there is nothing. */
    if (!wv_store_add_start(&first, 0, 0) || !wv_store_write(2, head + 2, 2) || !wv_store_write(0, head, 2)) {
        return WV_EEPROM_FAILED;
    }
    wv.restart = true;
    return WV_DONE;
}

wv_code wv_provision(uint8_t part, const uint8_t *content, uint8_t length)
{
    if (wv.mode != WV_EMPTY) {
        return WV_PROVISIONED;
    }
    if (!wv_port_jumper()) {
        return WV_NO_JUMPER;
    }
    if (part == SETTINGS_PART) {
        return take_settings(content, length);
    }
    return part == COMMIT_PART ? commit(content, length) : take_keys(part, content, length);
}
