/*
 * Runs a firmware image (.hex or raw 32 KB flash) on simavr's ATmega328P and obeys one command per line on standard input,
 * one answer per line on standard output. Time is the chip's own: nothing happens between commands. The one exception is
 * `pty`, which lends the serial line to a pseudo-terminal and keeps pace with the wall clock.
 *
 *   send HEX            bytes arrive on the serial line, at the chip's baud rate        -> ok
 *   run CYCLES          runs that many cycles                                            -> ran CYCLE HEX-of-sent-bytes
 *   frame CYCLES        the same, but stops after a zero byte was sent (end of a frame)  -> ran CYCLE HEX
 *   pin B|C|D N LEVEL   drives a pin                                                     -> ok
 *   read B|C|D N        level that the chip drives on a pin                              -> pin LEVEL
 *   pulse COUNT LOW HIGH  pulses on INT0 (PD2): LOW cycles low, HIGH cycles high; runs   -> ran CYCLE HEX
 *   marks               cycles spent under each value written to GPIOR0 since last asked -> marks VALUE:CYCLES:TIMES ...
 *   stack               RAM above the static data that was never touched since power-on  -> stack STATIC USED FREE
 *   eeprom              contents                                                         -> eeprom HEX
 *   load HEX            replaces the EEPROM's contents                                   -> ok
 *   flash               contents                                                         -> flash HEX
 *   power               supply off and on again: RAM is lost, EEPROM stays               -> ok
 *   reset               the reset pin, as a programmer pulls it: RAM stays. A `pty` that follows holds the pin until its
 *                       first byte comes                                                 -> ok
 *   pty LINK            serial line on a pty whose name LINK points to, in wall-clock time, until an empty line comes -> ok, ran CYCLE HEX
 *   quit
 *
 * A command that fails answers `error REASON`; a crashed chip ends the program with status 1.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <avr_eeprom.h>
#include <avr_ioport.h>
#include <avr_uart.h>
#include <sim_avr.h>
#include <sim_io.h>

enum {
    FREQUENCY = 16000000,
    RAM_START = 0x100,
    RAM_BYTES = 2048,
    EEPROM_BYTES = 1024,
    FLASH_BYTES = 32768,
    BOOTLOADER_AT = 0x7e00, /* 512 bytes, as an Uno's fuses say (BOOTSZ = 11) */
    PAINT = 0xa5,
    GPIOR0 = 0x3e,
    EIFR = 0x3c,
    MCUSR = 0x54,
    PORF = 1,
    EXTRF = 2,
    /* A millisecond; from reset to the first byte; without a byte for so long a programmer is thinking. */
    STEP_CYCLES = FREQUENCY / 1000,
    RELEASE_CYCLES = FREQUENCY / 20,
    QUIET_CYCLES = FREQUENCY / 5,
    QUEUE = 1 << 16,
    LINE = 1 << 17,
};

typedef struct {
    uint8_t bytes[QUEUE];
    size_t head, tail;
} queue_t;

static avr_t *avr;
static queue_t to_chip, from_chip;
static bool reset_held, may_receive = true, frame_ended, deadline_passed;
static avr_irq_t *serial_in;
static unsigned static_ram;

static struct {
    uint8_t value;
    avr_cycle_count_t since;
    avr_cycle_count_t cycles[256];
    unsigned long times[256];
} marks;

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("simavr: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static bool is_empty(const queue_t *queue)
{
    return queue->head == queue->tail;
}

static void put(queue_t *queue, uint8_t byte)
{
    size_t next = (queue->tail + 1) % QUEUE;
    if (next == queue->head) {
        fail("more than %d bytes wait on the serial line", QUEUE - 1);
    }
    queue->bytes[queue->tail] = byte;
    queue->tail = next;
}

static uint8_t take(queue_t *queue)
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
    return when + FREQUENCY * 10ULL / 117647;
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

static void close_mark(void)
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

static void paint_ram(void)
{
    memset(avr->data + RAM_START, PAINT, RAM_BYTES);
}

/* What started the chip: the bootloader waits for a programmer after a reset by pin only. */
static void start(uint8_t cause)
{
    avr_reset(avr);
    avr->data[MCUSR] = cause;
    may_receive = true;
    to_chip.head = to_chip.tail;
}

static void run_for(avr_cycle_count_t cycles, bool until_frame)
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

static void print_hex(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        printf("%02x", bytes[i]);
    }
}

static void answer_ran(void)
{
    printf("ran %llu ", (unsigned long long)avr->cycle);
    while (!is_empty(&from_chip)) {
        printf("%02x", take(&from_chip));
    }
    putchar('\n');
}

static int parse_hex(const char *text, uint8_t *bytes, size_t most)
{
    size_t length = strlen(text);
    if (length % 2 != 0 || length / 2 > most) {
        return -1;
    }
    for (size_t i = 0; i < length / 2; i++) {
        unsigned value;
        if (!isxdigit((unsigned char)text[2 * i]) || sscanf(text + 2 * i, "%2x", &value) != 1) {
            return -1;
        }
        bytes[i] = (uint8_t)value;
    }
    return (int)(length / 2);
}

/* Driven pins are remembered, or simavr would let a pull-up win when the program writes to their port. */
static void drive(char port, int pin, int level)
{
    static avr_ioport_external_t driven[3];
    avr_ioport_external_t *external = &driven[port - 'B'];
    external->name = (unsigned)port;
    external->mask |= 1u << pin;
    external->value = level ? external->value | 1u << pin : external->value & ~(1u << pin);
    avr_ioctl(avr, AVR_IOCTL_IOPORT_SET_EXTERNAL(port), external);
    avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(port), pin), (uint32_t)level);
}

static void pulses(unsigned long count, avr_cycle_count_t low, avr_cycle_count_t high)
{
    for (; count > 0; count--) {
        drive('D', 2, 0);
        run_for(low, false);
        drive('D', 2, 1);
        run_for(high, false);
    }
}

static void answer_marks(void)
{
    close_mark();
    printf("marks");
    for (int value = 0; value < 256; value++) {
        if (marks.cycles[value] == 0 && marks.times[value] == 0) {
            continue;
        }
        printf(" %d:%llu:%lu", value, (unsigned long long)marks.cycles[value], marks.times[value]);
    }
    putchar('\n');
    memset(marks.cycles, 0, sizeof marks.cycles);
    memset(marks.times, 0, sizeof marks.times);
}

static void answer_stack(void)
{
    const uint8_t *ram = avr->data + RAM_START;
    unsigned at = static_ram;
    while (at < RAM_BYTES && ram[at] == PAINT) {
        at++;
    }
    printf("stack %u %u %u\n", static_ram, RAM_BYTES - at, at - static_ram);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int open_pty(const char *link)
{
    struct termios raw;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        return -1;
    }
    const char *name = ptsname(master);
    /* Held open, so that a programmer that closes the port does not hang it up. */
    int slave = open(name, O_RDWR | O_NOCTTY);
    if (slave < 0 || tcgetattr(slave, &raw) != 0) {
        return -1;
    }
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    unlink(link);
    return symlink(name, link) == 0 ? master : -1;
}

/*
 * The line on a pty, at most as fast as the wall clock. With a programmer (after `reset`) the chip's time stands still while
 * the line is quiet: it lets go of the reset pin a little before it talks, and a computer that is busy elsewhere for a
 * second does not make the boot loader give up.
 */
static void serve_pty(const char *link)
{
    int master = open_pty(link);
    if (master < 0) {
        printf("error pty: %s\n", strerror(errno));
        return;
    }
    printf("ok\n");
    fflush(stdout);
    const bool programmer = reset_held;
    bool released = !reset_held;
    reset_held = false;
    avr_cycle_count_t heard_at = avr->cycle;
    struct pollfd wires[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = master, .events = POLLIN}};
    double due = seconds();
    for (;;) {
        const bool quiet = programmer && avr->cycle - heard_at >= QUIET_CYCLES;
        if (!released || quiet) {
            poll(wires, 2, -1);
            due = seconds();
        }
        if (poll(wires, 1, 0) != 0) {
            break;
        }
        if (!released) {
            released = true;
            run_for(RELEASE_CYCLES, false);
        }
        uint8_t bytes[256];
        ssize_t length = read(master, bytes, sizeof bytes);
        for (ssize_t i = 0; i < length; i++) {
            put(&to_chip, bytes[i]);
            heard_at = avr->cycle;
        }
        run_for(STEP_CYCLES, false);
        while (!is_empty(&from_chip)) {
            uint8_t byte = take(&from_chip);
            if (write(master, &byte, 1) != 1) {
                break;
            }
        }
        due += (double)STEP_CYCLES / FREQUENCY;
        const double ahead = due - seconds();
        if (ahead > 0) {
            poll(wires, 1, (int)(ahead * 1000) + 1);
        }
    }
    char line[2];
    if (fgets(line, sizeof line, stdin) == NULL) {
        exit(0);
    }
    unlink(link);
    close(master);
}

static void obey(char *line)
{
    static uint8_t bytes[FLASH_BYTES];
    static char text[LINE];
    unsigned long long a, b;
    unsigned long count;
    int pin, level, length;
    char port;
    avr_eeprom_desc_t eeprom = {.ee = NULL, .offset = 0, .size = EEPROM_BYTES};

    if (sscanf(line, "send %131071s", text) == 1) {
        if ((length = parse_hex(text, bytes, sizeof bytes)) < 0) {
            puts("error send: expected hexadecimal bytes");
            return;
        }
        for (int i = 0; i < length; i++) {
            put(&to_chip, bytes[i]);
        }
        puts("ok");
    } else if (sscanf(line, "run %llu", &a) == 1 && a > 0) {
        run_for(a, false);
        answer_ran();
    } else if (sscanf(line, "frame %llu", &a) == 1 && a > 0) {
        run_for(a, true);
        answer_ran();
    } else if (sscanf(line, "pulse %lu %llu %llu", &count, &a, &b) == 3 && a > 0 && b > 0) {
        pulses(count, a, b);
        answer_ran();
    } else if (sscanf(line, "pin %c %d %d", &port, &pin, &level) == 3 && strchr("BCD", port) && pin >= 0 && pin < 8) {
        drive(port, pin, level != 0);
        puts("ok");
    } else if (sscanf(line, "read %c %d", &port, &pin) == 2 && strchr("BCD", port) && pin >= 0 && pin < 8) {
        avr_ioport_state_t state;
        avr_ioctl(avr, AVR_IOCTL_IOPORT_GETSTATE(port), &state);
        printf("pin %d\n", (int)((state.port >> pin) & 1));
    } else if (strcmp(line, "marks") == 0) {
        answer_marks();
    } else if (strcmp(line, "stack") == 0) {
        answer_stack();
    } else if (strcmp(line, "eeprom") == 0) {
        avr_ioctl(avr, AVR_IOCTL_EEPROM_GET, &eeprom);
        printf("eeprom ");
        print_hex(eeprom.ee, EEPROM_BYTES);
        putchar('\n');
    } else if (sscanf(line, "load %131071s", text) == 1) {
        if (parse_hex(text, bytes, EEPROM_BYTES) != EEPROM_BYTES) {
            puts("error load: expected 1024 bytes in hexadecimal");
            return;
        }
        eeprom.ee = bytes;
        avr_ioctl(avr, AVR_IOCTL_EEPROM_SET, &eeprom);
        puts("ok");
    } else if (strcmp(line, "flash") == 0) {
        printf("flash ");
        print_hex(avr->flash, FLASH_BYTES);
        putchar('\n');
    } else if (strcmp(line, "power") == 0) {
        start(PORF);
        paint_ram();
        puts("ok");
    } else if (strcmp(line, "reset") == 0) {
        start(EXTRF);
        reset_held = true;
        puts("ok");
    } else if (sscanf(line, "pty %131071s", text) == 1) {
        serve_pty(text);
        answer_ran();
    } else {
        printf("error unknown command: %s\n", line);
    }
}

/* Own reader: simavr's stops at the start address that Debian's bootloader file names. */
static void load(const char *file)
{
    static char line[600];
    uint8_t record[300];
    bool ended = false;
    FILE *hex = fopen(file, "r");
    if (hex == NULL) {
        fail("%s: %s", file, strerror(errno));
    }
    while (!ended && fgets(line, sizeof line, hex) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        int length = line[0] == ':' ? parse_hex(line + 1, record, sizeof record) : -1;
        uint8_t sum = 0;
        for (int i = 0; i < length; i++) {
            sum = (uint8_t)(sum + record[i]);
        }
        if (length < 5 || record[0] != length - 5 || sum != 0) {
            fail("%s: not an Intel hex file: %s", file, line);
        }
        unsigned address = (unsigned)record[1] << 8 | record[2];
        if (record[3] == 0) {
            if (address + record[0] > FLASH_BYTES) {
                fail("%s: ends beyond the flash", file);
            }
            memcpy(avr->flash + address, record + 4, record[0]);
            if (address == BOOTLOADER_AT) {
                avr->reset_pc = BOOTLOADER_AT;
            }
        }
        ended = record[3] == 1;
    }
    fclose(hex);
    if (!ended) {
        fail("%s: has no end record", file);
    }
    /* simavr refuses to execute beyond this address. */
    avr->codeend = avr->flashend;
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

int main(int count, char **arguments)
{
    if (count < 2 || strcmp(arguments[1], "--help") == 0) {
        puts("usage: runner FIRMWARE.hex [STATIC_RAM_BYTES]   (commands on standard input: see the top of runner.c)");
        return count < 2 ? 2 : 0;
    }
    avr_global_logger_set(log_faults);
    avr = avr_make_mcu_by_name("atmega328p");
    if (avr == NULL) {
        fail("this simavr knows no atmega328p");
    }
    avr_init(avr);
    avr->frequency = FREQUENCY;
    avr->sleep = on_sleep;
    avr->log = 1;
    static_ram = count > 2 ? (unsigned)atoi(arguments[2]) : 0;
    load(arguments[1]);
    connect_serial();
    avr_register_io_write(avr, GPIOR0, on_mark, NULL);
    avr_register_io_write(avr, EIFR, on_edge_flags, NULL);
    start(PORF);
    paint_ram();
    drive('D', 2, 1);

    static char line[LINE];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, "quit") == 0) {
            break;
        }
        obey(line);
        fflush(stdout);
    }
    return 0;
}
