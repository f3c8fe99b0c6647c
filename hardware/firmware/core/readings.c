/*
 * Pulses become readings at slot boundaries (PROTOCOL.md, "Readings"): the ring of boundaries is the register's history,
 * a reading is the energy between two of them. Mirrors hardware/agent/register.ts.
 */
#include "device.h"

/* So many pulses before the bound a checkpoint is written: what may wait and come in the meantime. */
#define RESERVE (2 * WV_PULSES_DUE)

uint32_t wv_energy_wh(uint32_t pulses, uint32_t pulses_per_kwh)
{
    /* Long division of pulses * 1000 (42 bits) by at most 2^20, bit by bit: a subtraction each time, kept or not. */
    const uint32_t product = (pulses & 0xFFFF) * 1000;
    uint32_t high = (pulses >> 16) * 1000 + (product >> 16);
    uint16_t low = (uint16_t)product;
    uint32_t rest = 0;
    /* What is still to be divided leaves `high` at its top; the quotient's bits, of which 32 count, follow from below. */
    for (uint8_t bit = 0; bit < 48; bit++) {
        rest = rest << 1 | high >> 31;
        const uint32_t less = rest - pulses_per_kwh;
        const uint8_t negative = (uint8_t)(less >> 24) >> 7;
        rest = less + (pulses_per_kwh & (uint32_t)-(uint32_t)negative);
        high = high << 1 | low >> 15;
        low = (uint16_t)(low << 1 | (negative ^ 1));
    }
    return high << 16 | low;
}

static uint8_t after(uint8_t position)
{
    return ++position < wv.capacity ? position : 0;
}

void wv_load_readings(void)
{
    /* In `outstanding`, for as long as this takes. */
    enum { DAMAGED = 0x80 };
    wv.capacity = wv_store_capacity();
    for (uint8_t i = 0; i < wv.capacity; i++) {
        wv_boundary boundary;
        const wv_record_state state = wv_store_boundary(&boundary, i);
        if (state == WV_DAMAGED) {
            wv.outstanding[i] = DAMAGED;
            wv_count(&wv.damaged);
        }
        if (state != WV_RECORD) {
            continue;
        }
        if (boundary.kind != WV_BASE && !boundary.settled) {
            wv.outstanding[i] = wv_all();
        }
        if (!wv.any_boundary || boundary.slot > wv.last.slot) {
            wv.any_boundary = true;
            wv.last = boundary;
            wv.newest = i;
        }
    }
    /* A record that was complete once and follows the newest may have been newer, and sent: its energy is not sent again. */
    wv.based = wv.any_boundary && wv.outstanding[after(wv.newest)] != DAMAGED;
    for (uint8_t i = 0; i < wv.capacity; i++) {
        wv.outstanding[i] &= (uint8_t)~DAMAGED;
    }
    wv_store_find_checkpoint(&wv.checkpoints);
    bool ahead = wv.last.pulses > wv.checkpoints.pulses;
    /* Which of the two rings was written last. */
    WV_PUBLIC(ahead);
    if (ahead) {
        wv.checkpoints.pulses = wv.last.pulses;
    }
    wv.pulses = wv.checkpoints.pulses;
}

void wv_take_pulses(void)
{
    wv.pulses += wv_port_take_pulses();
    if (wv.mode != WV_RUNNING) {
        wv.pulses = 0;
        return;
    }
    bool due = wv.pulses - wv.checkpoints.pulses >= (uint32_t)(wv.settings.checkpoint - RESERVE);
    /* That so many pulses have come shows in when the EEPROM is written (PROTOCOL.md, "What the line gives away"). */
    WV_PUBLIC(due);
    if (due && !wv_store_add_checkpoint(&wv.checkpoints, wv.pulses)) {
        wv.flags |= WV_FLAG_EEPROM;
    }
}

static uint8_t ones(uint8_t bits)
{
    uint8_t count = 0;
    for (; bits != 0; bits &= (uint8_t)(bits - 1)) {
        count++;
    }
    return count;
}

/* Is the position free, or may what is there be given up? */
static bool make_room(uint8_t position)
{
    const uint8_t missing = wv.outstanding[position];
    if (missing == 0) {
        return true;
    }
    /* Enough aggregators for a bill have it. */
    if (wv.settings.n - ones(missing) < wv.settings.t) {
        return false;
    }
    wv.outstanding[position] = 0;
    wv_count(&wv.given_up);
    return true;
}

/* Writes a boundary behind the newest, on the first position whose cells hold it. */
static void append(const wv_boundary *boundary)
{
    uint8_t position = wv.any_boundary ? wv.newest : wv.capacity - 1;
    for (uint8_t steps = 1; steps < wv.capacity; steps++) {
        position = after(position);
        if (!make_room(position)) {
            wv.flags |= WV_FLAG_FULL;
            return;
        }
        if (!wv_store_put_boundary(boundary, position)) {
            wv.flags |= WV_FLAG_EEPROM;
            continue;
        }
        wv.flags &= (uint8_t)~WV_FLAG_FULL;
        wv.newest = position;
        wv.any_boundary = true;
        wv.based = true;
        wv.last = *boundary;
        wv.checkpoints.pulses = boundary->pulses;
        wv.outstanding[position] = boundary->kind == WV_BASE ? 0 : wv_all();
        for (uint8_t a = 0; a < wv.settings.n; a++) {
            wv.channel[a].left += steps;
        }
        return;
    }
}

/* The register at the start of slot `slot`. */
static void take_boundary(uint32_t slot)
{
    wv_boundary boundary;
    boundary.slot = slot - 1;
    boundary.pulses = wv.pulses;
    boundary.kind = WV_BASE;
    boundary.energy_wh = 0;
    const uint32_t ahead = boundary.slot - wv.last.slot;
    if (wv.any_boundary && (int32_t)ahead <= 0) {
        return;
    }
    if (wv.based) {
        const uint32_t per_kwh = wv.settings.pulses_per_kwh;
        boundary.kind = ahead == 1 ? WV_IMPORT : WV_CATCHUP;
        boundary.energy_wh = wv_energy_wh(wv.pulses, per_kwh) - wv_energy_wh(wv.last.pulses, per_kwh);
    }
    append(&boundary);
}

uint16_t wv_watch_slots(void)
{
    const uint16_t length = wv.settings.slot_seconds;
    uint32_t time;
    if (!wv_clock(&time)) {
        return WV_IDLE;
    }
    const uint32_t slot = time / length;
    const uint16_t late = (uint16_t)(time % length);
    /* The first slot is joined in its middle; one that the clock was set back to is over. */
    if (!wv.slot_known || slot > wv.slot) {
        const bool boundary = wv.slot_known && late <= length / 16;
        wv.slot_known = true;
        wv.slot = slot;
        if (boundary) {
            take_boundary(slot);
            return 0;
        }
    }
    return (uint16_t)(length - late);
}

void wv_settle(const wv_ack_entry *entry, wv_channel *channel, uint8_t bit)
{
    enum { CONFLICT = 2, CLOSED = 3, RESEND = 4 };
    for (uint8_t i = 0; i < wv.capacity; i++) {
        wv_boundary boundary;
        const bool waits = (wv.outstanding[i] & bit) != 0;
        if (waits == (entry->code == RESEND) || wv_store_boundary(&boundary, i) != WV_RECORD ||
            boundary.kind != entry->kind || boundary.slot < entry->first_slot ||
            boundary.slot - entry->first_slot >= entry->count) {
            continue;
        }
        if (entry->code == RESEND) {
            wv.outstanding[i] |= bit;
            continue;
        }
        if (entry->code == CONFLICT || entry->code == CLOSED) {
            wv_count(entry->code == CONFLICT ? &wv.conflicts : &wv.closed);
        }
        wv.outstanding[i] &= (uint8_t)~bit;
        if (channel->in_flight > 0) {
            channel->in_flight--;
        }
        if (wv.outstanding[i] == 0) {
            wv_store_settle(i);
        }
    }
}
