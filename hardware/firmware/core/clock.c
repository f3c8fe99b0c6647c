/*
 * Time from sealed acks alone (PROTOCOL.md, "Time"). Every ack gives an interval that contains the true time; the offset
 * of its aggregator moves to the nearest point of it. The clock is the t-th highest of the aggregators' times.
 */
#include "device.h"

bool wv_clock(uint32_t *time)
{
    for (uint8_t a = 0; a < wv.settings.n; a++) {
        if (!wv.channel[a].timed) {
            continue;
        }
        const uint32_t candidate = wv.now + wv.channel[a].offset;
        uint8_t higher = 0;
        uint8_t equal = 0;
        for (uint8_t b = 0; b < wv.settings.n; b++) {
            if (wv.channel[b].timed) {
                const uint32_t other = wv.now + wv.channel[b].offset;
                higher = (uint8_t)(higher + (other > candidate));
                equal = (uint8_t)(equal + (other == candidate));
            }
        }
        if (higher < wv.settings.t && higher + equal >= wv.settings.t) {
            *time = candidate;
            return true;
        }
    }
    return false;
}

void wv_clock_take(wv_channel *channel, uint32_t time, bool bounded, uint32_t since)
{
    const uint32_t least = time - wv.now;
    const uint32_t most = time + 1 - since;
    if (!channel->timed) {
        if (bounded && wv.now - since <= WV_FRESH_SECONDS) {
            channel->offset = least;
            channel->timed = true;
        } else {
            wv.renew_for_time = true;
        }
        return;
    }
    if ((int32_t)(channel->offset - least) < 0) {
        channel->offset = least;
    } else if (bounded && (int32_t)(channel->offset - most) > 0) {
        channel->offset = most;
    }
}
