/*
 * A Wattveil pulse meter on an ATmega328P at 16 MHz: sets the chip up, lets the core work when there is something to do, and
 * sleeps in between. The watchdog starts anew what hangs for 8 s.
 */
#include <avr/wdt.h>

#include "../core/wv.h"
#include "board.h"

/* After a reset by the watchdog it still runs, at its shortest time-out: it must be stopped before RAM is set up. */
__attribute__((naked, used, section(".init3"))) static void stop_watchdog(void)
{
    MCUSR = 0;
    wdt_disable();
}

bool wv_port_jumper(void)
{
    PORTD |= _BV(JUMPER_PIN);
    /* The pull-up (20 to 50 kOhm) has to lift a cable: 10 us are some hundred pF. */
    for (uint8_t i = 0; i < 40; i++) {
        __asm__ volatile("nop");
    }
    bool set = (PIND & _BV(JUMPER_PIN)) == 0;
    PORTD &= (uint8_t)~_BV(JUMPER_PIN);
    return set;
}

/* Only Timer1 and the serial line are needed; inputs that nobody drives would draw current. */
static void save_power(void)
{
    ACSR = _BV(ACD);
    PRR = _BV(PRTWI) | _BV(PRTIM2) | _BV(PRTIM0) | _BV(PRSPI) | _BV(PRADC);
    DIDR0 = 0x3f;
}

/* Sleeps for `wait` seconds, or until a frame is complete or pulses have to be fetched. */
static void sleep_for(uint16_t wait)
{
    const uint32_t due = wv_port_seconds() + wait;
    bool called = false;
    eeprom_park();
    cli();
    while (!called && clock_wake(due)) {
        /* Edges and bytes wake the chip too; they are looked at without asking for the time. */
        do {
            called = line_take_frame() || pulses_waiting() >= WV_PULSES_DUE;
            if (called) {
                break;
            }
            uint8_t before = doing(DOING_SLEEP);
            sleep_until_interrupt();
            doing(before);
        } while (!clock_rang());
        wdt_reset();
    }
    sei();
}

int main(void)
{
    doing(DOING_WORK);
    wdt_enable(WDTO_8S);
    save_power();
    clock_begin();
    line_begin();
    pulses_begin();
    sei();
    wv_start();
    for (;;) {
        wdt_reset();
        uint16_t wait = wv_poll();
        if (wait > 0) {
            sleep_for(wait);
        }
    }
}
