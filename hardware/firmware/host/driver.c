/*
 * The core as a program: a command on each line of stdin, an answer on each line of stdout. Byte strings are in hex,
 * an empty one is "-". Drives single functions (driver-parts.c) and a whole device on a platform of memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/device.h"
#include "driver.h"
#include "port.h"

#define MAX_LINE 262144

static char line[MAX_LINE];

char *word(void)
{
    char *next = strtok(NULL, " \n");
    if (next == NULL) {
        fprintf(stderr, "driver: a word is missing\n");
        exit(2);
    }
    return next;
}

uint32_t number(void)
{
    return (uint32_t)strtoull(word(), NULL, 10);
}

size_t bytes(uint8_t *to, size_t most)
{
    const char *hex = word();
    if (strcmp(hex, "-") == 0) {
        return 0;
    }
    const size_t length = strlen(hex) / 2;
    if (length > most) {
        fprintf(stderr, "driver: %zu bytes are too many\n", length);
        exit(2);
    }
    for (size_t i = 0; i < length; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        to[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return length;
}

void print_bytes(const uint8_t *from, size_t length)
{
    WV_PUBLIC_BYTES(from, length);
    for (size_t i = 0; i < length; i++) {
        printf("%02x", from[i]);
    }
    printf(length == 0 ? "-" : "");
}

/* Works until there is nothing to do; ends with the answer "<wait> <sent> <writes>". */
static void settle_device(void)
{
    uint16_t wait = 0;
    for (uint32_t turns = 0; wait == 0; turns++) {
        if (turns > 100000) {
            fprintf(stderr, "driver: the device never rests\n");
            exit(2);
        }
        wait = wv_poll();
    }
    printf("%u ", wait);
}

static void report(void)
{
    print_bytes(host.sent, host.sent_length);
    printf(" %" PRIu32 "\n", host.writes);
    host.sent_length = 0;
}

static void boot_device(void)
{
    memset(&wv_line, 0, sizeof wv_line);
    host.seconds = 0;
    wv_start();
}

static void receive(const uint8_t *from, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (wv_receive(from[i])) {
            while (wv_poll() == 0) {
            }
        }
    }
}

/* Commands that run the core and may meet a power cut. */
static bool run_device(const char *command)
{
    static uint8_t input[MAX_LINE / 2];
    static size_t length;
    length = 0;
    if (strcmp(command, "rx") == 0) {
        length = bytes(input, sizeof input);
    } else if (strcmp(command, "boot") != 0 && strcmp(command, "poll") != 0) {
        return false;
    }
    if (setjmp(host.power_cut) != 0) {
        /* What is in no EEPROM is gone. */
        host.cut_at = 0;
        host.pulses = 0;
        printf("cut ");
        report();
        return true;
    }
    if (strcmp(command, "boot") == 0) {
        boot_device();
    } else {
        receive(input, length);
    }
    settle_device();
    report();
    return true;
}

static bool set_device(const char *command)
{
    if (strcmp(command, "eeprom") == 0) {
        if (bytes(host.eeprom, sizeof host.eeprom) != sizeof host.eeprom) {
            fprintf(stderr, "driver: an EEPROM has %d bytes\n", WV_EEPROM_BYTES);
            exit(2);
        }
        host_mark_secrets();
    } else if (strcmp(command, "secret") == 0) {
        host_mark_secrets();
    } else if (strcmp(command, "time") == 0) {
        host.seconds = number();
    } else if (strcmp(command, "pulses") == 0) {
        host.pulses += number();
    } else if (strcmp(command, "jumper") == 0) {
        host.jumper = number() != 0;
    } else if (strcmp(command, "cut") == 0) {
        host.cut_at = host.writes + number();
        host.cut_how = (uint8_t)number();
    } else if (strcmp(command, "stick") == 0) {
        const uint32_t at = number() % WV_EEPROM_BYTES;
        host.stuck_mask[at] = (uint8_t)number();
        host.stuck_value[at] = (uint8_t)number();
    } else if (strcmp(command, "counter") == 0) {
        const uint32_t index = (number() - 1) % WV_MAX_AGGREGATORS;
        wv.channel[index].number.counter = number();
    } else {
        return false;
    }
    printf("ok\n");
    return true;
}

int main(void)
{
    memset(host.eeprom, 0xFF, sizeof host.eeprom);
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *command = strtok(line, " \n");
        if (command == NULL) {
            continue;
        }
        if (strcmp(command, "dump") == 0) {
            uint8_t copy[WV_EEPROM_BYTES];
            memcpy(copy, host.eeprom, sizeof copy);
            print_bytes(copy, sizeof copy);
            printf("\n");
        } else if (!run_device(command) && !set_device(command) && !run_part(command)) {
            fprintf(stderr, "driver: unknown command %s\n", command);
            return 2;
        }
        fflush(stdout);
    }
    return 0;
}
