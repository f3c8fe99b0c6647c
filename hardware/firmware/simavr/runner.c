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
 *   memory              RAM                                                              -> memory HEX
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
#include "chip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avr_eeprom.h>
#include <avr_ioport.h>

enum { LINE = 1 << 17 };

static bool reset_held;
static unsigned static_ram;

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
    } else if (strcmp(line, "memory") == 0) {
        printf("memory ");
        print_hex(avr->data + RAM_START, RAM_BYTES);
        putchar('\n');
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
        start_chip(BY_POWER);
        paint_ram();
        puts("ok");
    } else if (strcmp(line, "reset") == 0) {
        start_chip(BY_PIN);
        reset_held = true;
        puts("ok");
    } else if (sscanf(line, "pty %131071s", text) == 1) {
        serve_terminal(text, reset_held);
        reset_held = false;
        answer_ran();
    } else {
        printf("error unknown command: %s\n", line);
    }
}

int main(int count, char **arguments)
{
    if (count < 2 || strcmp(arguments[1], "--help") == 0) {
        puts("usage: runner FIRMWARE.hex [STATIC_RAM_BYTES]   (commands on standard input: see the top of runner.c)");
        return count < 2 ? 2 : 0;
    }
    static_ram = count > 2 ? (unsigned)atoi(arguments[2]) : 0;
    make_chip();
    load_hex(arguments[1]);
    start_chip(BY_POWER);
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
