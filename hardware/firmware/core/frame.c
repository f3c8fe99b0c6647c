/* COBS and CRC, byte by byte: no frame is longer than one block of COBS, so a code byte is always followed by a zero. */
#include "frame.h"

#define CRC_START 0xFFFF
/* Type and CRC. */
#define FRAME_MIN 3

void wv_count(uint16_t *counter)
{
    if (*counter < UINT16_MAX) {
        (*counter)++;
    }
}

void wv_receiver_clear(wv_receiver *receiver)
{
    receiver->length = 0;
    receiver->remaining = 0;
    receiver->started = false;
    receiver->wrong = false;
    receiver->crc = CRC_START;
    receiver->ready = false;
}

static void push(wv_receiver *receiver, uint8_t byte)
{
    if (receiver->length >= WV_FRAME_MAX) {
        receiver->wrong = true;
        return;
    }
    receiver->bytes[receiver->length++] = byte;
    receiver->crc = wv_crc16(receiver->crc, byte);
}

static bool end(wv_receiver *receiver)
{
    if (!receiver->started) {
        return false;
    }
    /* The CRC over a frame together with its own CRC is zero. */
    if (receiver->wrong || receiver->remaining > 0 || receiver->length < FRAME_MIN || receiver->crc != 0) {
        wv_count(&receiver->noise);
        wv_receiver_clear(receiver);
        return false;
    }
    receiver->length -= WV_CRC_BYTES;
    receiver->ready = true;
    return true;
}

bool wv_receiver_take(wv_receiver *receiver, uint8_t byte)
{
    if (receiver->ready) {
        wv_count(&receiver->overruns);
        return true;
    }
    if (byte == 0) {
        return end(receiver);
    }
    if (receiver->wrong) {
        return false;
    }
    /* A code byte stands for a zero, but for the first. */
    const bool code = receiver->remaining == 0;
    const bool first = !receiver->started;
    receiver->started = true;
    receiver->remaining = (uint8_t)((code ? byte : receiver->remaining) - 1);
    if (!first) {
        push(receiver, code ? 0 : byte);
    }
    return false;
}

void wv_frame_send(uint8_t *frame, uint8_t length)
{
    uint16_t crc = CRC_START;
    for (uint8_t i = 0; i < length; i++) {
        crc = wv_crc16(crc, frame[i]);
    }
    wv_put_u16(frame + length, crc);
    length += WV_CRC_BYTES;
    for (uint8_t at = 0; at <= length; at++) {
        uint8_t end = at;
        while (end < length && frame[end] != 0) {
            end++;
        }
        wv_port_send((uint8_t)(end - at + 1));
        for (; at < end; at++) {
            wv_port_send(frame[at]);
        }
    }
    wv_port_send(0);
}
