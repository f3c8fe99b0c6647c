/* The platform functions of the core, for tests. */
#include "port.h"

#include <stdlib.h>

#include "../core/store.h"
#if defined(WV_MARK_PUBLIC)
#include <valgrind/memcheck.h>
#endif

host_port host;

#if defined(WV_MARK_PUBLIC)
void wv_mark_public(const void *bytes, size_t length)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(bytes, length);
}
#endif

void host_mark_secret(void *bytes, size_t length)
{
#if defined(WV_MARK_PUBLIC)
    (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, length);
#else
    (void)bytes;
    (void)length;
#endif
}

void host_mark_secrets(void)
{
    /* Readings need no mark: they flow into the EEPROM from pulses, which are secret from the start. */
    host_mark_secret(host.eeprom + WV_POLYNOMIAL_KEY_AT, (size_t)(WV_KEYS_AT + host.eeprom[5] * WV_PEER_KEYS_BYTES - WV_POLYNOMIAL_KEY_AT));
}

uint8_t wv_port_eeprom_read(uint16_t at)
{
    if (at >= WV_EEPROM_BYTES) {
        abort();
    }
    return (uint8_t)((host.eeprom[at] & ~host.stuck_mask[at]) | (host.stuck_value[at] & host.stuck_mask[at]));
}

void wv_port_eeprom_write(uint16_t at, uint8_t value)
{
    if (at >= WV_EEPROM_BYTES) {
        abort();
    }
    host.writes++;
    if (host.writes != host.cut_at) {
        host.eeprom[at] = value;
        return;
    }
    if (host.cut_how == CUT_ERASED) {
        host.eeprom[at] = 0xFF;
    } else if (host.cut_how == CUT_GARBAGE) {
        host.eeprom[at] = (uint8_t)((host.eeprom[at] ^ value) * 73 + 41 + at);
    } else if (host.cut_how == CUT_AFTER) {
        host.eeprom[at] = value;
    }
    longjmp(host.power_cut, 1);
}

void wv_port_send(uint8_t byte)
{
    if (host.sent_length >= sizeof host.sent) {
        abort();
    }
    host.sent[host.sent_length++] = byte;
}

uint32_t wv_port_seconds(void)
{
    return host.seconds;
}

uint16_t wv_port_take_pulses(void)
{
    const uint16_t taken = host.pulses > UINT16_MAX ? UINT16_MAX : (uint16_t)host.pulses;
    host.pulses -= taken;
    uint16_t pulses = taken;
    host_mark_secret(&pulses, sizeof pulses);
    return pulses;
}

bool wv_port_jumper(void)
{
    return host.jumper;
}
