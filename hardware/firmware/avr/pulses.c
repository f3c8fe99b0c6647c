/*
 * S0 pulses (EN 62053-31: at least 30 ms low, then 30 ms high) on INT0. The first edge shuts the interrupt; a level counts
 * as changed when it stayed for 14 ms without another edge, looked at every 7 ms. So bouncing, however fast, costs a short
 * interrupt per 7 ms, 5 ms of it are stood in a pulse of 30 ms, and half waves of hum (10 ms) are no pulses.
 */
#include "../core/wv.h"
#include "board.h"

/* 6.98 ms. */
#define SAMPLE_TICKS 109
#define SAMPLES 2

static volatile uint16_t waiting;
/* The level that counts; a line that is low at the start was counted before the start, or never began. */
static bool is_low;
static uint8_t samples_left;

static bool pin_is_low(void)
{
    return (PIND & _BV(PULSE_PIN)) == 0;
}

static void sample_later(void)
{
    OCR1B = TCNT1 + SAMPLE_TICKS;
    TIFR1 = _BV(OCF1B);
    TIMSK1 = _BV(OCIE1A) | _BV(OCIE1B);
}

static void begin_change(void)
{
    EIMSK = 0;
    EIFR = _BV(INTF0);
    samples_left = SAMPLES;
    sample_later();
}

ISR(INT0_vect)
{
    begin_change();
}

static void end_change(void)
{
    TIMSK1 = _BV(OCIE1A);
    EIFR = _BV(INTF0);
    EIMSK = _BV(INT0);
    /* An edge between the last look and this clearing would be lost. */
    if (pin_is_low() != is_low) {
        begin_change();
    }
}

ISR(TIMER1_COMPB_vect)
{
    if (EIFR & _BV(INTF0)) {
        /* An edge since the last look, which the interrupt that is shut off did not take: begin again. */
        EIFR = _BV(INTF0);
        samples_left = SAMPLES;
        sample_later();
    } else if (pin_is_low() == is_low) {
        end_change();
    } else if (--samples_left > 0) {
        sample_later();
    } else {
        is_low = !is_low;
        if (is_low) {
            PORTB |= _BV(LED_PIN);
            /* At 16 pulses a second the main loop has an hour to fetch them. */
            if (waiting != UINT16_MAX) {
                waiting++;
            }
        } else {
            PORTB &= (uint8_t)~_BV(LED_PIN);
        }
        end_change();
    }
}

void pulses_begin(void)
{
    PORTD |= _BV(PULSE_PIN);
    DDRB |= _BV(LED_PIN);
    /* Any edge. */
    EICRA = _BV(ISC00);
    EIFR = _BV(INTF0);
    is_low = pin_is_low();
    EIMSK = _BV(INT0);
}

uint16_t pulses_waiting(void)
{
    return waiting;
}

uint16_t wv_port_take_pulses(void)
{
    cli();
    uint16_t taken = waiting;
    waiting = 0;
    sei();
    return taken;
}
