/* simavr's ATmega328P as the files of this folder share it: its line, its pins, its marks, its time. */
#ifndef WV_CHIP_H
#define WV_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sim_avr.h>

enum {
    FREQUENCY = 16000000,
    RAM_START = 0x100,
    RAM_BYTES = 2048,
    EEPROM_BYTES = 1024,
    FLASH_BYTES = 32768,
    /* What RAM holds that nobody touched. */
    PAINT = 0xa5,
    QUEUE = 1 << 16,
};

/* What started the chip, as its MCUSR says. */
enum { BY_POWER = 1, BY_PIN = 2 };

typedef struct {
    uint8_t bytes[QUEUE];
    size_t head, tail;
} queue_t;

/* Cycles and changes by value of GPIOR0, since last asked. */
typedef struct {
    uint8_t value;
    avr_cycle_count_t since;
    avr_cycle_count_t cycles[256];
    unsigned long times[256];
} marks_t;

extern avr_t *avr;
extern queue_t to_chip, from_chip;
extern marks_t marks;

/* Ends the program with status 1 and a reason. */
void fail(const char *format, ...);

bool is_empty(const queue_t *queue);
void put(queue_t *queue, uint8_t byte);
uint8_t take(queue_t *queue);

/* A chip without a program, with its line, not started yet. */
void make_chip(void);
void start_chip(uint8_t cause);
/* The supply comes back: nothing is left in RAM. */
void paint_ram(void);
/* Runs for so many cycles, or until the chip has sent a zero byte. */
void run_for(avr_cycle_count_t cycles, bool until_frame);
/* Counts the mark that is under way up to now. */
void close_mark(void);
/* `port` is B, C or D. */
void drive(char port, int pin, int level);
/* On INT0. */
void pulses(unsigned long count, avr_cycle_count_t low, avr_cycle_count_t high);

/* Bytes in `text`, or -1 where it is not hexadecimal or more than `most`. */
int parse_hex(const char *text, uint8_t *bytes, size_t most);
/* An Intel hex file into the flash. */
void load_hex(const char *file);

/*
 * Lends the line to a pty named `link` until standard input has a line; says ok when it is there. `for_programmer`: the
 * reset pin is held until the first byte comes.
 */
void serve_terminal(const char *link, bool for_programmer);

#endif
