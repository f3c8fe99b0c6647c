/*
 * EEPROM a byte at a time, asleep while a cell is written (1.8 or 3.4 ms). A cell is erased only if a bit has to rise, so
 * a byte that only loses bits is written in half the time with half the wear, and a power cut leaves its other bits alone.
 */
#include "../core/wv.h"
#include "board.h"

ISR(EE_READY_vect)
{
    EECR &= (uint8_t)~_BV(EERIE);
}

void eeprom_park(void)
{
    EEAR = WV_EEPROM_BYTES - 1;
}

uint8_t wv_port_eeprom_read(uint16_t at)
{
    EEAR = at;
    EECR |= _BV(EERE);
    return EEDR;
}

void wv_port_eeprom_write(uint16_t at, uint8_t value)
{
    uint8_t old = wv_port_eeprom_read(at);
    uint8_t mode = (old & value) == value ? _BV(EEPM1) : value == 0xff ? _BV(EEPM0) : 0;
    uint8_t before = doing(DOING_EEPROM);
    EEAR = at;
    EEDR = value;
    cli();
    EECR = mode;
    EECR = mode | _BV(EEMPE);
    EECR |= _BV(EEPE);
    while (EECR & _BV(EEPE)) {
        EECR |= _BV(EERIE);
        sleep_until_interrupt();
    }
    sei();
    doing(before);
}
