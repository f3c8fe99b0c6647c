/*
 * The ATmega328P of an Arduino Uno or Nano: which pin and timer does what, and how the parts of this folder work together.
 * Timer1 runs freely at 64 us a tick; nothing ticks besides it. The chip sleeps (idle) in every wait.
 */
#ifndef WV_BOARD_H
#define WV_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

/* PD2 (INT0, "2"): open collector of the S0 output, active low. PD4 ("4"): jumper to ground. PB5 ("13"): LED. */
#define PULSE_PIN PD2
#define JUMPER_PIN PD4
#define LED_PIN PB5

#define TICKS_PER_SECOND 15625U

/*
 * What the chip is doing, for whoever looks on with a simulator or a debugger: GPIOR0 has no other use and costs a cycle.
 * Figures of docs/hardware/budget.md are taken from it.
 */
enum { DOING_SLEEP = 0, DOING_WORK = 1, DOING_SEND = 2, DOING_EEPROM = 3 };

static inline uint8_t doing(uint8_t what)
{
    uint8_t before = GPIOR0;
    GPIOR0 = what;
    return before;
}

/*
 * Sleeps until any interrupt, in idle mode, the only one that hears the line. Call with interrupts off, after looking that
 * there is nothing to do; returns with them off.
 */
static inline void sleep_until_interrupt(void)
{
    SMCR = _BV(SE);
    /* The instruction after SEI always runs before an interrupt, so none can slip in between. */
    sei();
    sleep_cpu();
    SMCR = 0;
    cli();
}

void clock_begin(void);
/* Makes the chip wake when second `at` begins, or within four seconds; false if that is now. Call with interrupts off. */
bool clock_wake(uint32_t at);
/* Did it wake the chip since? Call with interrupts off. */
bool clock_rang(void);

void pulses_begin(void);
/* Pulses that wait for wv_port_take_pulses. Call with interrupts off. */
uint16_t pulses_waiting(void);

void line_begin(void);
/* Did a frame become complete since last asked? Call with interrupts off. */
bool line_take_frame(void);

/* Takes the EEPROM's address off what matters: a supply that fails slowly can hurt the cell that is addressed. */
void eeprom_park(void);

#endif
