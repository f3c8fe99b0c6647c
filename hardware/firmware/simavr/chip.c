/* The simulated chip: bytes in and out at the line's pace, pins, marks, and running for so long. */
#include "chip.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avr_eeprom.h>
#include <avr_ioport.h>
#include <avr_uart.h>
#include <sim_io.h>

enum { GPIOR0 = 0x3e, EIFR = 0x3c, MCUSR = 0x54, BYTE_CYCLES = FREQUENCY * 10ULL / 117647 };

avr_t *avr;
queue_t to_chip, from_chip;
marks_t marks;
static bool may_receive = true, frame_ended, deadline_passed;
static avr_irq_t *serial_in;

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("simavr: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

bool is_empty(const queue_t *queue)
{
    return queue->head == queue->tail;
}

void put(queue_t *queue, uint8_t byte)
{
    size_t next = (queue->tail + 1) % QUEUE;
    if (next == queue->head) {
        fail("more than %d bytes wait on the serial line", QUEUE - 1);
    }
    queue->bytes[queue->tail] = byte;
    queue->tail = next;
}

uint8_t take(queue_t *queue)
{
    uint8_t byte = queue->bytes[queue->head];
    queue->head = (queue->head + 1) % QUEUE;
    return byte;
}

/* One byte per byte time: simavr's own buffer would let the chip fall behind by 64 bytes, the chip's holds two. */
static avr_cycle_count_t deliver(avr_t *chip, avr_cycle_count_t when, void *unused)
{
    (void)unused;
    (void)chip;
    if (is_empty(&to_chip)) {
        return 0;
    }
    if (may_receive) {
        avr_raise_irq(serial_in, take(&to_chip));
    }
    return when + BYTE_CYCLES;
}

static void start_delivery(void)
{
    if (is_empty(&to_chip) || avr_cycle_timer_status(avr, deliver, NULL) != 0) {
        return;
    }
    avr_cycle_timer_register(avr, 1, deliver, NULL);
}

static void on_ready(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)value;
    may_receive = param != NULL;
}

static void on_sent(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)param;
    put(&from_chip, (uint8_t)value);
    if ((uint8_t)value == 0) {
        frame_ended = true;
    }
}

void close_mark(void)
{
    marks.cycles[marks.value] += avr->cycle - marks.since;
    marks.since = avr->cycle;
}

static void on_mark(avr_t *chip, avr_io_addr_t address, uint8_t value, void *param)
{
    (void)param;
    chip->data[address] = value;
    close_mark();
    marks.value = value;
    marks.times[value]++;
}

/* simavr keeps a flag of EIFR when a program clears it by writing a one. */
static void on_edge_flags(avr_t *chip, avr_io_addr_t address, uint8_t value, void *param)
{
    (void)param;
    chip->data[address] &= (uint8_t)~value;
    for (int i = 0; i < chip->interrupts.vector_count; i++) {
        avr_int_vector_t *vector = chip->interrupts.vector[i];
        if (vector->raised.reg == address && ((value >> vector->raised.bit) & 1) != 0) {
            avr_clear_interrupt(chip, vector);
        }
    }
}

static avr_cycle_count_t on_deadline(avr_t *chip, avr_cycle_count_t when, void *param)
{
    (void)chip;
    (void)when;
    (void)param;
    deadline_passed = true;
    return 0;
}

/* Sleeping takes no time here: the cycle counter jumps to the next event. */
static void on_sleep(avr_t *chip, avr_cycle_count_t cycles)
{
    (void)chip;
    (void)cycles;
}

static void log_faults(avr_t *chip, const int level, const char *format, va_list arguments)
{
    (void)chip;
    if (level > 1) {
        return;
    }
    vfprintf(stderr, format, arguments);
}

void paint_ram(void)
{
    memset(avr->data + RAM_START, PAINT, RAM_BYTES);
}

/* What started the chip: the bootloader waits for a programmer after a reset by pin only. */
void start_chip(uint8_t cause)
{
    avr_reset(avr);
    avr->data[MCUSR] = cause;
    may_receive = true;
    to_chip.head = to_chip.tail;
}

void run_for(avr_cycle_count_t cycles, bool until_frame)
{
    avr_cycle_count_t end = avr->cycle + cycles;
    deadline_passed = false;
    frame_ended = false;
    while (!deadline_passed && !(until_frame && frame_ended)) {
        /* A reset by the watchdog forgets all timers, ours as well. */
        if (avr_cycle_timer_status(avr, on_deadline, NULL) == 0) {
            if (avr->cycle >= end) {
                break;
            }
            avr_cycle_timer_register(avr, end - avr->cycle, on_deadline, NULL);
            start_delivery();
        }
        int state = avr_run(avr);
        if (state == cpu_Done || state == cpu_Crashed) {
            fail("the chip stopped at address 0x%04x", avr->pc);
        }
    }
    avr_cycle_timer_cancel(avr, on_deadline, NULL);
}

/* Driven pins are remembered, or simavr would let a pull-up win when the program writes to their port. */
void drive(char port, int pin, int level)
{
    static avr_ioport_external_t driven[3];
    avr_ioport_external_t *external = &driven[port - 'B'];
    external->name = (unsigned)port;
    external->mask |= 1u << pin;
    external->value = level ? external->value | 1u << pin : external->value & ~(1u << pin);
    avr_ioctl(avr, AVR_IOCTL_IOPORT_SET_EXTERNAL(port), external);
    avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(port), pin), (uint32_t)level);
}

void pulses(unsigned long count, avr_cycle_count_t low, avr_cycle_count_t high)
{
    for (; count > 0; count--) {
        drive('D', 2, 0);
        run_for(low, false);
        drive('D', 2, 1);
        run_for(high, false);
    }
}

static void connect_serial(void)
{
    uint32_t flags = 0;
    /* By default simavr prints what is sent and sleeps while the chip polls. */
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    serial_in = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_sent, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON), on_ready, avr);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF), on_ready, NULL);
}

void make_chip(void)
{
    avr_global_logger_set(log_faults);
    avr = avr_make_mcu_by_name("atmega328p");
    if (avr == NULL) {
        fail("this simavr knows no atmega328p");
    }
    avr_init(avr);
    avr->frequency = FREQUENCY;
    avr->sleep = on_sleep;
    avr->log = 1;
    connect_serial();
    avr_register_io_write(avr, GPIOR0, on_mark, NULL);
    avr_register_io_write(avr, EIFR, on_edge_flags, NULL);
}
