/*
 * Seconds from Timer1, which counts 64 us ticks and is never stopped or set. Whoever asks adds what passed since the
 * last question; the chip wakes at least every 4 s, so no turn of the 16-bit counter (4.19 s) is missed.
 */
#include "../core/wv.h"
#include "board.h"

#define LONGEST_SLEEP 4

/* Only the main loop asks, so nothing here is shared with an interrupt. */
static uint32_t seconds;
static uint16_t second_began;

static volatile bool rang;

ISR(TIMER1_COMPA_vect)
{
    rang = true;
}

void clock_begin(void)
{
    TCCR1A = 0;
    TCCR1B = _BV(CS12) | _BV(CS10);
    TIFR1 = _BV(OCF1A) | _BV(OCF1B);
    TIMSK1 = _BV(OCIE1A);
}

/* With interrupts off: TCNT1 and OCR1x share a latch for their high bytes with the pulse interrupts. */
static void count_seconds(void)
{
    while ((uint16_t)(TCNT1 - second_began) >= TICKS_PER_SECOND) {
        second_began += TICKS_PER_SECOND;
        seconds++;
    }
}

uint32_t wv_port_seconds(void)
{
    cli();
    count_seconds();
    sei();
    return seconds;
}

bool clock_wake(uint32_t at)
{
    count_seconds();
    if (at <= seconds) {
        return false;
    }
    uint32_t left = at - seconds;
    uint16_t ahead = (left < LONGEST_SLEEP ? (uint8_t)left : LONGEST_SLEEP) * TICKS_PER_SECOND;
    rang = false;
    TIFR1 = _BV(OCF1A);
    OCR1A = second_began + ahead;
    /* Should the timer have got there while this was computed, the match may never come. */
    return (uint16_t)(TCNT1 - second_began) < ahead;
}

bool clock_rang(void)
{
    return rang;
}
