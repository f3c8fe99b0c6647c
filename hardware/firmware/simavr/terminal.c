/* The simulated chip's line on a pseudo-terminal, for programs that open a serial port. */
#define _GNU_SOURCE
#include "chip.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    /* A millisecond; from reset to the first byte; without a byte for so long a programmer is thinking. */
    STEP_CYCLES = FREQUENCY / 1000,
    RELEASE_CYCLES = FREQUENCY / 20,
    QUIET_CYCLES = FREQUENCY / 5,
};

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
 * The line on a pty, at most as fast as the wall clock. With a programmer the chip's time stands still while
 * the line is quiet: it lets go of the reset pin a little before it talks, and a computer that is busy elsewhere for a
 * second does not make the boot loader give up.
 */
void serve_terminal(const char *link, bool for_programmer)
{
    int master = open_pty(link);
    if (master < 0) {
        printf("error pty: %s\n", strerror(errno));
        return;
    }
    printf("ok\n");
    fflush(stdout);
    bool released = !for_programmer;
    avr_cycle_count_t heard_at = avr->cycle;
    struct pollfd wires[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = master, .events = POLLIN}};
    double due = seconds();
    for (;;) {
        const bool quiet = for_programmer && avr->cycle - heard_at >= QUIET_CYCLES;
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
