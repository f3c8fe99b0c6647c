/* The two sealed messages that a device knows. Templates are compared and filled; only acks have something to parse. */
#include "message.h"

/* 83 68 "Encrypt0": the Enc_structure of RFC 9052, section 5.3, up to the protected header. */
static WV_FLASH uint8_t CONTEXT[] = {0x83, 0x68, 'E', 'n', 'c', 'r', 'y', 'p', 't', '0'};
/* 16([bstr {1: 24, "s": kind || slot}, {6: boot || counter}, bstr (32 bytes)]) */
static WV_FLASH uint8_t SHARE_HEAD[] = {0xD0, 0x83, 0x4C, 0xA2, 0x01, 0x18, 0x18, 0x61, 0x73, 0x45, 0, 0, 0, 0,
                                        0,    0xA1, 0x06, 0x48, 0,    0,    0,    0,    0,    0,    0, 0, 0x58, 0x20};
/* 16([bstr {1: 24}, {6: ... */
static WV_FLASH uint8_t ACK_HEAD[] = {0xD0, 0x83, 0x44, 0xA1, 0x01, 0x18, 0x18, 0xA1, 0x06, 0x48};

#define SHARE_PROTECTED_AT 2
#define SHARE_PROTECTED_BYTES 13
#define KIND_AT 10
#define SLOT_AT 11
#define NUMBER_AT 18
#define ACK_PROTECTED_AT 2
#define ACK_PROTECTED_BYTES 5
#define NUMBER_BYTES 8
/* Topics of both directions; in place of these bytes they have the meter's name and the aggregator's digit. */
#define METER 1
#define DIGIT 2
static WV_FLASH uint8_t SHARE_TOPIC[] = {'w', 'v', '/', '1', '/', 'm', '/', METER, '/', 's', 'h', 'a', 'r', 'e', '/', DIGIT};
static WV_FLASH uint8_t ACK_TOPIC[] = {'w', 'v', '/', '1', '/', 'a', '/', DIGIT, '/', 'a', 'c', 'k', '/', METER};

/* What an Enc_structure is made of: the message's protected header, its head included, and the topic of one end. */
typedef struct {
    const uint8_t *protected_header;
    uint8_t protected_length;
    uint8_t topic_length;
    WV_FLASH uint8_t *topic;
    const wv_peer *peer;
} aad;

static void take_text(wv_poly1305 *mac, WV_FLASH uint8_t *from, uint8_t length, const wv_peer *peer)
{
    for (; length > 0; length--) {
        uint8_t next = *from++;
        if (next == METER) {
            for (uint8_t i = 0; i < peer->meter_length; i++) {
                wv_poly1305_take_byte(mac, peer->meter(i));
            }
            continue;
        }
        if (next == DIGIT) {
            next = (uint8_t)('0' + peer->aggregator);
        }
        wv_poly1305_take_byte(mac, next);
    }
}

/* Context, protected header, topic as a byte string. */
static uint8_t take_aad(wv_poly1305 *mac, const void *of)
{
    const aad *from = of;
    const uint8_t topic = (uint8_t)(from->topic_length - 1 + from->peer->meter_length);
    uint8_t length = (uint8_t)(sizeof CONTEXT + 1 + from->protected_length + topic);
    take_text(mac, CONTEXT, sizeof CONTEXT, from->peer);
    wv_poly1305_take(mac, from->protected_header, from->protected_length);
    if (topic >= 24) {
        wv_poly1305_take_byte(mac, 0x58);
        wv_poly1305_take_byte(mac, topic);
        length++;
    } else {
        wv_poly1305_take_byte(mac, 0x40 | topic);
    }
    take_text(mac, from->topic, from->topic_length, from->peer);
    return length;
}

void wv_share_seal(uint8_t message[WV_SHARE_BYTES], const wv_peer *peer, uint8_t kind, uint32_t slot,
                   const wv_number *number)
{
    uint8_t nonce[WV_NONCE_BYTES] = {0};
    wv_from_flash(message, SHARE_HEAD, sizeof SHARE_HEAD);
    message[KIND_AT] = kind;
    wv_put_u32(message + SLOT_AT, slot);
    wv_words(nonce + 4, number, 2);
    memcpy(message + NUMBER_AT, nonce + 4, NUMBER_BYTES);
    const aad of = {message + SHARE_PROTECTED_AT, SHARE_PROTECTED_BYTES, sizeof SHARE_TOPIC, SHARE_TOPIC, peer};
    const wv_seal seal = {peer->key, nonce, take_aad, &of};
    wv_aead_seal(&seal, message + WV_SHARE_ENTRY_AT, WV_ENTRY_BYTES);
}

/* ---- Acks ---- */

/* First bytes of CBOR items: the major type in the upper three bits. What is short has its value in the others. */
enum { UNSIGNED = 0x00, BYTES = 0x40, ARRAY = 0x80, MAP = 0xA0 };

typedef struct {
    const uint8_t *at;
    uint8_t left;
    bool wrong;
} reader;

static uint8_t byte(reader *from)
{
    if (from->left == 0) {
        from->wrong = true;
        return 0xFF;
    }
    from->left--;
    return *from->at++;
}

static void expect(reader *from, uint8_t value)
{
    if (byte(from) != value) {
        from->wrong = true;
    }
}

/* The argument of the next head, which must have this major type and be in shortest form; else `wrong`. */
static uint32_t argument(reader *from, uint8_t major)
{
    const uint8_t first = byte(from) ^ major;
    if (first < 24) {
        return first;
    }
    if (first > 26) {
        from->wrong = true;
        return 0;
    }
    uint32_t value = 0;
    for (uint8_t left = (uint8_t)(1 << (first - 24)); left > 0; left--) {
        value = value << 8 | byte(from);
    }
    if (value < (first == 24 ? 24 : first == 25 ? 0x100 : 0x10000)) {
        from->wrong = true;
    }
    return value;
}

static void read_entry(reader *from, wv_ack_entry *entry)
{
    expect(from, ARRAY | 4);
    entry->kind = byte(from);
    entry->first_slot = argument(from, UNSIGNED);
    entry->count = argument(from, UNSIGNED);
    entry->code = byte(from);
    if (entry->kind < 1 || entry->kind > 4 || entry->code > 5 || entry->count < 1 ||
        entry->count - 1 > UINT32_MAX - entry->first_slot) {
        from->wrong = true;
    }
}

/* The plaintext of an ack; false when it is not exactly one. */
static bool parse(wv_ack *ack, reader *from)
{
    const uint8_t size = byte(from) ^ MAP;
    expect(from, 1);
    ack->time = argument(from, UNSIGNED);
    expect(from, 2);
    expect(from, ARRAY | 2);
    ack->highest.boot = argument(from, UNSIGNED);
    ack->highest.counter = argument(from, UNSIGNED);
    expect(from, 3);
    /* Entries that do not fit the message end it, so their number fits a byte. */
    const uint32_t entries = argument(from, ARRAY);
    ack->entries = (uint8_t)entries;
    if (entries > UINT8_MAX) {
        return false;
    }
    ack->next = from->at;
    for (uint8_t i = ack->entries; i > 0; i--) {
        wv_ack_entry entry;
        read_entry(from, &entry);
    }
    ack->challenge = NULL;
    if (size >= 5) {
        expect(from, 4);
        expect(from, BYTES | WV_CHALLENGE_BYTES);
        ack->challenge = from->at;
        for (uint8_t i = 0; i < WV_CHALLENGE_BYTES; i++) {
            (void)byte(from);
        }
        expect(from, 5);
        ack->boot = argument(from, UNSIGNED);
    }
    if (size == 4 || size == 6) {
        /* What became of ciphertexts does not concern a device, which has none: the rest is not looked at. */
        expect(from, 6);
        from->left = 0;
    }
    return !from->wrong && size >= 3 && size <= 6 && from->left == 0;
}

wv_code wv_ack_open(wv_ack *ack, uint8_t *message, uint8_t length, const wv_peer *peer)
{
    reader from = {message, length, false};
    for (uint8_t i = 0; i < sizeof ACK_HEAD; i++) {
        expect(&from, ACK_HEAD[i]);
    }
    uint8_t nonce[WV_NONCE_BYTES] = {0};
    for (uint8_t i = 4; i < WV_NONCE_BYTES; i++) {
        nonce[i] = byte(&from);
    }
    /* The smallest ack with its tag is 25 bytes long, so the length is always a byte of its own. */
    expect(&from, BYTES | 24);
    const uint8_t sealed = byte(&from);
    if (from.wrong || sealed != from.left || sealed < 24) {
        return WV_MALFORMED;
    }
    from.left -= WV_TAG_BYTES;
    wv_words(&ack->number, nonce + 4, 2);
    const aad of = {message + ACK_PROTECTED_AT, ACK_PROTECTED_BYTES, sizeof ACK_TOPIC, ACK_TOPIC, peer};
    const wv_seal seal = {peer->key, nonce, take_aad, &of};
    uint8_t *text = message + (length - from.left - WV_TAG_BYTES);
    if (!wv_aead_open(&seal, text, from.left)) {
        return WV_BAD_SEAL;
    }
    /* What an aggregator says of slots holds no reading; the device acts on it in the open. */
    WV_PUBLIC_BYTES(text, from.left);
    return parse(ack, &from) ? WV_DONE : WV_MALFORMED;
}

bool wv_ack_next(wv_ack *ack, wv_ack_entry *entry)
{
    if (ack->entries == 0) {
        return false;
    }
    ack->entries--;
    /* All of it was checked before: it does not end early. */
    reader from = {ack->next, UINT8_MAX, false};
    read_entry(&from, entry);
    ack->next = from.at;
    return true;
}
