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
#define ACK_NUMBER_AT 10
#define NUMBER_BYTES 8
/* What an Enc_structure is made of: the message's protected header, its head included, and the topic of one end. */
typedef struct {
    const uint8_t *protected_header;
    uint8_t protected_length;
    bool share;
    const wv_peer *peer;
} aad;

static void take_flash(wv_poly1305 *mac, WV_FLASH uint8_t *from, uint8_t length)
{
    while (length-- > 0) {
        wv_poly1305_take_byte(mac, *from++);
    }
}

static void take_meter(wv_poly1305 *mac, const wv_peer *peer)
{
    for (uint8_t i = 0; i < peer->meter_length; i++) {
        wv_poly1305_take_byte(mac, peer->meter(i));
    }
}

/* Context, protected header, topic as a byte string. */
static uint8_t take_aad(wv_poly1305 *mac, const void *of)
{
    static WV_FLASH uint8_t ROOT[] = {'w', 'v', '/', '1', '/'};
    static WV_FLASH uint8_t TO_SHARE[] = {'/', 's', 'h', 'a', 'r', 'e', '/'};
    static WV_FLASH uint8_t TO_ACK[] = {'/', 'a', 'c', 'k', '/'};
    const aad *from = of;
    const wv_peer *peer = from->peer;
    const uint8_t digit = (uint8_t)('0' + peer->aggregator);
    /* wv/1/m/<meter>/share/<agg> or wv/1/a/<agg>/ack/<meter>: 7 + 7 + 1, or 7 + 1 + 5, and the meter's name. */
    const uint8_t topic = (uint8_t)(peer->meter_length + (from->share ? 15 : 13));
    uint8_t heads = 1;
    take_flash(mac, CONTEXT, sizeof CONTEXT);
    wv_poly1305_take(mac, from->protected_header, from->protected_length);
    if (topic >= 24) {
        wv_poly1305_take_byte(mac, 0x58);
        wv_poly1305_take_byte(mac, topic);
        heads = 2;
    } else {
        wv_poly1305_take_byte(mac, 0x40 | topic);
    }
    take_flash(mac, ROOT, sizeof ROOT);
    wv_poly1305_take_byte(mac, from->share ? 'm' : 'a');
    wv_poly1305_take_byte(mac, '/');
    if (from->share) {
        take_meter(mac, peer);
        take_flash(mac, TO_SHARE, sizeof TO_SHARE);
        wv_poly1305_take_byte(mac, digit);
    } else {
        wv_poly1305_take_byte(mac, digit);
        take_flash(mac, TO_ACK, sizeof TO_ACK);
        take_meter(mac, peer);
    }
    return (uint8_t)(sizeof CONTEXT + from->protected_length + heads + topic);
}

void wv_share_seal(uint8_t message[WV_SHARE_BYTES], const wv_peer *peer, uint8_t kind, uint32_t slot,
                   const wv_number *number)
{
    uint8_t nonce[WV_NONCE_BYTES] = {0};
    wv_from_flash(message, SHARE_HEAD, sizeof SHARE_HEAD);
    message[KIND_AT] = kind;
    wv_put_u32(message + SLOT_AT, slot);
    wv_put_u32(nonce + 4, number->boot);
    wv_put_u32(nonce + 8, number->counter);
    memcpy(message + NUMBER_AT, nonce + 4, NUMBER_BYTES);
    const aad of = {message + SHARE_PROTECTED_AT, SHARE_PROTECTED_BYTES, true, peer};
    const wv_seal seal = {peer->key, nonce, take_aad, &of};
    wv_aead_seal(&seal, message + WV_SHARE_ENTRY_AT, WV_ENTRY_BYTES);
}

/* ---- Acks ---- */

enum { MAJOR_UNSIGNED = 0, MAJOR_BYTES = 2, MAJOR_TEXT = 3, MAJOR_ARRAY = 4, MAJOR_MAP = 5 };

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    bool wrong;
} reader;

/* The argument of the next head, which must have this major type and be in shortest form; 0 and `wrong` otherwise. */
static uint32_t head(reader *from, uint8_t major)
{
    const uint8_t left = (uint8_t)(from->end - from->at);
    if (from->wrong || left == 0 || *from->at >> 5 != major) {
        from->wrong = true;
        return 0;
    }
    const uint8_t small = *from->at++ & 0x1F;
    if (small < 24) {
        return small;
    }
    const uint8_t size = small == 24 ? 1 : small == 25 ? 2 : 4;
    if (small > 26 || left <= size) {
        from->wrong = true;
        return 0;
    }
    uint32_t value = 0;
    for (uint8_t i = 0; i < size; i++) {
        value = value << 8 | *from->at++;
    }
    const uint32_t least = size == 1 ? 24 : size == 2 ? 0x100 : 0x10000;
    from->wrong = value < least;
    return value;
}

static void expect(reader *from, uint8_t major, uint8_t value)
{
    const uint32_t found = head(from, major);
    from->wrong = from->wrong || found != value;
}

/* Steps over the content of a string of `length` bytes; NULL and `wrong` when they are not there. */
static const uint8_t *content(reader *from, uint32_t length)
{
    const uint8_t *start = from->at;
    if (from->wrong || length > (uint8_t)(from->end - from->at)) {
        from->wrong = true;
        return NULL;
    }
    from->at += length;
    return start;
}

static void read_entry(reader *from, wv_ack_entry *entry)
{
    expect(from, MAJOR_ARRAY, 4);
    const uint32_t kind = head(from, MAJOR_UNSIGNED);
    entry->first_slot = head(from, MAJOR_UNSIGNED);
    entry->count = head(from, MAJOR_UNSIGNED);
    const uint32_t code = head(from, MAJOR_UNSIGNED);
    if (kind < 1 || kind > 4 || code > 5 || entry->count < 1 || entry->count - 1 > UINT32_MAX - entry->first_slot) {
        from->wrong = true;
    }
    entry->kind = (uint8_t)kind;
    entry->code = (uint8_t)code;
}

/* What became of ciphertexts does not concern a device; it is read only so that nothing wrong passes. */
static void read_digests(reader *from)
{
    expect(from, MAJOR_UNSIGNED, 6);
    const uint32_t count = head(from, MAJOR_ARRAY);
    from->wrong = from->wrong || count == 0;
    for (uint32_t i = 0; i < count && !from->wrong; i++) {
        expect(from, MAJOR_ARRAY, 3);
        const uint32_t length = head(from, MAJOR_TEXT);
        const uint8_t *name = content(from, length);
        if (from->wrong || length < 1 || length > 32) {
            from->wrong = true;
            return;
        }
        for (uint8_t j = 0; j < length; j++) {
            const bool letter = name[j] >= 'a' && name[j] <= 'z';
            const bool inner = (name[j] >= '0' && name[j] <= '9') || name[j] == '-';
            if (!letter && (j == 0 || !inner)) {
                from->wrong = true;
            }
        }
        head(from, MAJOR_UNSIGNED);
        if (head(from, MAJOR_UNSIGNED) > 3) {
            from->wrong = true;
        }
    }
}

/* The plaintext of an ack; false when it is not exactly one. */
static bool parse(wv_ack *ack, const uint8_t *text, uint8_t length)
{
    reader from = {text, text + length, false};
    const uint32_t size = head(&from, MAJOR_MAP);
    if (size < 3 || size > 6) {
        return false;
    }
    expect(&from, MAJOR_UNSIGNED, 1);
    ack->time = head(&from, MAJOR_UNSIGNED);
    expect(&from, MAJOR_UNSIGNED, 2);
    expect(&from, MAJOR_ARRAY, 2);
    ack->highest.boot = head(&from, MAJOR_UNSIGNED);
    ack->highest.counter = head(&from, MAJOR_UNSIGNED);
    expect(&from, MAJOR_UNSIGNED, 3);
    ack->entries = head(&from, MAJOR_ARRAY);
    ack->next = from.at;
    ack->end = from.end;
    for (uint32_t i = 0; i < ack->entries && !from.wrong; i++) {
        wv_ack_entry entry;
        read_entry(&from, &entry);
    }
    ack->challenge = NULL;
    if (size >= 5) {
        expect(&from, MAJOR_UNSIGNED, 4);
        expect(&from, MAJOR_BYTES, WV_CHALLENGE_BYTES);
        ack->challenge = content(&from, WV_CHALLENGE_BYTES);
        expect(&from, MAJOR_UNSIGNED, 5);
        ack->boot = head(&from, MAJOR_UNSIGNED);
    }
    if ((size & 1) == 0) {
        read_digests(&from);
    }
    return !from.wrong && from.at == from.end;
}

wv_code wv_ack_open(wv_ack *ack, uint8_t *message, uint8_t length, const wv_peer *peer)
{
    if (length < WV_ACK_HEAD_BYTES + 2) {
        return WV_MALFORMED;
    }
    for (uint8_t i = 0; i < sizeof ACK_HEAD; i++) {
        if (message[i] != ACK_HEAD[i]) {
            return WV_MALFORMED;
        }
    }
    reader from = {message + WV_ACK_HEAD_BYTES, message + length, false};
    const uint32_t sealed = head(&from, MAJOR_BYTES);
    if (from.wrong || sealed < WV_TAG_BYTES || sealed != (uint8_t)(from.end - from.at)) {
        return WV_MALFORMED;
    }
    ack->number.boot = wv_u32(message + ACK_NUMBER_AT);
    ack->number.counter = wv_u32(message + ACK_NUMBER_AT + 4);
    uint8_t nonce[WV_NONCE_BYTES] = {0};
    memcpy(nonce + 4, message + ACK_NUMBER_AT, NUMBER_BYTES);
    const aad of = {message + ACK_PROTECTED_AT, ACK_PROTECTED_BYTES, false, peer};
    const wv_seal seal = {peer->key, nonce, take_aad, &of};
    const uint8_t text_length = (uint8_t)(sealed - WV_TAG_BYTES);
    uint8_t *text = message + (length - sealed);
    if (!wv_aead_open(&seal, text, text_length)) {
        return WV_BAD_SEAL;
    }
    /* What an aggregator says of slots holds no reading; the device acts on it in the open. */
    WV_PUBLIC_BYTES(text, text_length);
    return parse(ack, text, text_length) ? WV_DONE : WV_MALFORMED;
}

bool wv_ack_next(wv_ack *ack, wv_ack_entry *entry)
{
    if (ack->entries == 0) {
        return false;
    }
    ack->entries--;
    reader from = {ack->next, ack->end, false};
    read_entry(&from, entry);
    ack->next = from.at;
    return true;
}
