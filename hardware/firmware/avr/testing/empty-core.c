/* A core that does nothing, for measuring what the platform takes by itself. It calls all that the platform offers. */
#include "../../core/wv.h"

static volatile uint8_t last;

void wv_start(void)
{
    wv_port_eeprom_write(0, wv_port_eeprom_read(1));
}

bool wv_receive(uint8_t byte)
{
    last = byte;
    return byte == 0;
}

uint16_t wv_poll(void)
{
    wv_port_send((uint8_t)(wv_port_take_pulses() + wv_port_seconds() + wv_port_jumper() + last));
    return WV_IDLE;
}
