/* What the files of the driver share. */
#ifndef HOST_DRIVER_H
#define HOST_DRIVER_H

#include "../core/bytes.h"

/* The next word of the command; ends the program where there is none. */
char *word(void);
uint32_t number(void);
/* The next word as bytes; how many there are. */
size_t bytes(uint8_t *to, size_t most);
/* Printing is publishing: marks the bytes as public first. */
void print_bytes(const uint8_t *from, size_t length);

/* Runs a command on a single part of the core; false when it is unknown. */
bool run_part(const char *command);

#endif
