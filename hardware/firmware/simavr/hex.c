/* Programs and bytes written in hexadecimal. */
#include "chip.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* 512 bytes, as an Uno's fuses say (BOOTSZ = 11). */
enum { BOOTLOADER_AT = 0x7e00 };

int parse_hex(const char *text, uint8_t *bytes, size_t most)
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

/* Own reader: simavr's stops at the start address that Debian's bootloader file names. */
void load_hex(const char *file)
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
