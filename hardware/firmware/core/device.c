/* The device as a whole: start, frames from the host, and one piece of work at each call. */
#include "device.h"

wv_device wv;
wv_receiver wv_line;

uint8_t wv_bit(uint8_t aggregator)
{
    return (uint8_t)(1 << (aggregator - 1));
}

uint8_t wv_all(void)
{
    return (uint8_t)((1 << wv.settings.n) - 1);
}

uint8_t wv_pending(uint8_t mask)
{
    uint8_t count = 0;
    for (uint8_t i = 0; i < wv.capacity; i++) {
        count = (uint8_t)(count + ((wv.outstanding[i] & mask) != 0));
    }
    return count;
}

bool wv_any_pending(uint8_t mask)
{
    return (wv.unsettled & mask) != 0;
}

static void look_for_unsettled(void)
{
    wv.unsettled = 0;
    for (uint8_t i = 0; i < wv.capacity; i++) {
        wv.unsettled |= wv.outstanding[i];
    }
}

void wv_stop(void)
{
    wv.mode = WV_DEAD;
    wv.flags |= WV_FLAG_EEPROM;
    wv.announce = true;
}

void wv_start(void)
{
    memset(&wv, 0, sizeof wv);
    wv_receiver_clear(&wv_line);
    wv.now = wv_port_seconds();
    wv.renewed_at = wv.now;
    wv.renew_after = WV_RENEW_SECONDS;
    const wv_condition condition = wv_store_settings(&wv.settings);
    if (condition == WV_CONFIGURED && wv_store_find_start(&wv.starts)) {
        wv_load_readings();
        /* Read back before the challenge of this start is made. */
        if (wv_store_add_start(&wv.starts, wv.starts.start + 1, wv.starts.boot)) {
            wv.mode = WV_RUNNING;
            wv_new_challenge();
            return;
        }
    }
    wv.mode = condition == WV_BLANK ? WV_EMPTY : WV_DEAD;
    wv.announce = true;
}

bool wv_receive(uint8_t byte)
{
    return wv_receiver_take(&wv_line, byte);
}

static wv_code set_link(uint8_t up, uint8_t online)
{
    if (up > 1) {
        return WV_OUT_OF_RANGE;
    }
    const uint8_t before = wv.link ? wv.online : 0;
    if (up == 1 && !wv.link) {
        wv.hello_due = true;
    }
    wv.link = up == 1;
    wv.online = online & wv_all();
    for (uint8_t i = 0; i < wv.settings.n; i++) {
        /* What was sent to an aggregator that was away is not waited for. */
        if (wv.link && (wv.online & (uint8_t)~before & wv_bit((uint8_t)(i + 1))) != 0) {
            wv.channel[i].waiting = false;
            wv_start_sweep(&wv.channel[i]);
        }
    }
    return WV_DONE;
}

static wv_code answer(uint8_t what)
{
    switch (what) {
    case WV_HELLO:
        if (wv.mode != WV_RUNNING) {
            return wv.mode == WV_EMPTY ? WV_UNPROVISIONED : WV_STOPPED;
        }
        wv_send_hello();
        return WV_DONE;
    case WV_STATUS:
        wv_send_status();
        return WV_DONE;
    case WV_IDENTITY:
        wv_send_identity();
        return WV_DONE;
    default:
        return WV_OUT_OF_RANGE;
    }
}

/* Works on a frame from the host: `frame` holds its type and payload, `length` bytes together. */
static wv_code handle(uint8_t *frame, uint8_t length)
{
    uint8_t *payload = frame + 1;
    const uint8_t size = (uint8_t)(length - 1);
    switch (frame[0]) {
    case WV_ASK:
        return size == 1 ? answer(payload[0]) : WV_WRONG_LENGTH;
    case WV_PROVISION:
        return size >= 1 ? wv_provision(payload[0], payload + 1, (uint8_t)(size - 1)) : WV_WRONG_LENGTH;
    case WV_LINK:
    case WV_ACK:
        break;
    default:
        return WV_UNKNOWN_TYPE;
    }
    if (wv.mode != WV_RUNNING) {
        return wv.mode == WV_EMPTY ? WV_UNPROVISIONED : WV_STOPPED;
    }
    if (frame[0] == WV_LINK) {
        return size == 2 ? set_link(payload[0], payload[1]) : WV_WRONG_LENGTH;
    }
    if (size < 2) {
        return WV_WRONG_LENGTH;
    }
    const wv_code code = wv_take_ack(payload[0], payload + 1, (uint8_t)(size - 1));
    if (code != WV_DONE) {
        wv_count(&wv.refused);
    }
    return code;
}

static void work_on_frame(void)
{
    const uint8_t type = wv_line.bytes[0];
    wv.host_at = wv.now;
    const wv_code code = handle(wv_line.bytes, wv_line.length);
    wv_receiver_clear(&wv_line);
    wv_send_reply(type, code);
    if (wv.restart) {
        wv_start();
    }
}

static uint16_t sooner(uint16_t a, uint32_t b)
{
    return b < a ? (uint16_t)b : a;
}

uint16_t wv_poll(void)
{
    wv.now = wv_port_seconds();
    wv_take_pulses();
    if (wv_line.ready) {
        work_on_frame();
        return 0;
    }
    if (wv.announce) {
        wv.announce = false;
        wv_send_identity();
    }
    if (wv.mode != WV_RUNNING) {
        return WV_IDLE;
    }
    const uint16_t wait = wv_watch_slots();
    if (wait == 0 || !wv.link) {
        return wait;
    }
    if (wv.now - wv.host_at >= WV_LINK_SECONDS) {
        wv.link = false;
        return wait;
    }
    look_for_unsettled();
    uint32_t time;
    const uint8_t lost = wv_lost_sessions();
    if (lost != 0 || (wv.renew_for_time && !wv_clock(&time))) {
        wv_renew(lost);
    }
    const uint8_t period = wv.settings.resend_seconds;
    const bool hello_wanted = wv_hello_wanted();
    if (wv.hello_due || (hello_wanted && wv.now - wv.hello_at >= period)) {
        wv_send_hello();
        return 0;
    }
    if (wv_send_share()) {
        return 0;
    }
    uint16_t least = sooner(wait, wv_seconds_to_resend());
    if (hello_wanted) {
        least = sooner(least, period - (wv.now - wv.hello_at));
    }
    return sooner(least, WV_LINK_SECONDS - (wv.now - wv.host_at));
}
