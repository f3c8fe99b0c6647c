/*
 * The serial line: 115200 baud by double speed (117,647, 2.1 % fast, as every 16 MHz Arduino). UCSR0B is written once: both
 * interrupts stay on, so neither direction can disturb the other.
 */
#include "../core/wv.h"
#include "board.h"

static volatile bool frame_complete, sending;

ISR(USART_RX_vect)
{
    /* A byte with a framing error goes on too: the frame's CRC finds it, and its delimiter must not be lost. */
    if (wv_receive(UDR0)) {
        frame_complete = true;
    }
}

ISR(USART_TX_vect)
{
    sending = false;
}

void line_begin(void)
{
    /* An idle line that nobody drives would be noise. */
    PORTD |= _BV(PD0);
    UBRR0 = 16;
    UCSR0A = _BV(U2X0);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXCIE0) | _BV(TXCIE0) | _BV(RXEN0) | _BV(TXEN0);
}

bool line_take_frame(void)
{
    bool taken = frame_complete;
    frame_complete = false;
    return taken;
}

void wv_port_send(uint8_t byte)
{
    cli();
    if (sending) {
        uint8_t before = doing(DOING_SEND);
        while (sending) {
            sleep_until_interrupt();
        }
        doing(before);
    }
    sending = true;
    UDR0 = byte;
    sei();
}
