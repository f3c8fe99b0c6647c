/* A platform for the core on an ordinary computer: EEPROM in memory, power that can be cut, a line that is recorded. */
#ifndef HOST_PORT_H
#define HOST_PORT_H

#include <setjmp.h>
#include <stddef.h>

#include "../core/wv.h"

/* What a cell holds when the power fails while it is written. */
enum { CUT_BEFORE = 0, CUT_ERASED = 1, CUT_GARBAGE = 2, CUT_AFTER = 3 };

typedef struct {
    uint8_t eeprom[WV_EEPROM_BYTES];
    /* Bits that a worn cell holds whatever is written. */
    uint8_t stuck_mask[WV_EEPROM_BYTES];
    uint8_t stuck_value[WV_EEPROM_BYTES];
    uint32_t writes;
    /* The write at which the power fails; 0 for none. */
    uint32_t cut_at;
    uint8_t cut_how;
    jmp_buf power_cut;
    uint32_t seconds;
    uint32_t pulses;
    bool jumper;
    uint8_t sent[65536];
    uint32_t sent_length;
} host_port;

extern host_port host;

/* Marks bytes as secret, where the build is for valgrind; elsewhere nothing. */
void host_mark_secret(void *bytes, size_t length);
/* The same for the keys in the EEPROM. */
void host_mark_secrets(void);

#endif
