/*
 * The two inner loops that gcc's 32-bit arithmetic makes four times too slow on an 8-bit AVR, in assembly. They do what
 * the C beside their uses does, on the same memory; the vectors run on both. No branch depends on data.
 */
#ifndef WV_AVR_ASM_H
#define WV_AVR_ASM_H

#include <stdint.h>

/* Load and store of the words of one quarter round; a displacement of Z reaches the whole state of 64 bytes. */
#define WV_LDD4(r0, r1, r2, r3, at)                                                                                    \
    "ldd " #r0 ",Z+" #at "\n ldd " #r1 ",Z+" #at "+1\n ldd " #r2 ",Z+" #at "+2\n ldd " #r3 ",Z+" #at "+3\n"
#define WV_STD4(r0, r1, r2, r3, at)                                                                                    \
    "std Z+" #at "," #r0 "\n std Z+" #at "+1," #r1 "\n std Z+" #at "+2," #r2 "\n std Z+" #at "+3," #r3 "\n"
#define WV_QUARTER(a, b, c, d)                                                                                         \
    WV_LDD4(r2, r3, r4, r5, a)                                                                                         \
    WV_LDD4(r6, r7, r8, r9, b)                                                                                         \
    WV_LDD4(r10, r11, r12, r13, c)                                                                                     \
    WV_LDD4(r14, r15, r16, r17, d)                                                                                     \
    "rcall 3f\n" WV_STD4(r2, r3, r4, r5, a) WV_STD4(r6, r7, r8, r9, b) WV_STD4(r10, r11, r12, r13, c)                  \
        WV_STD4(r14, r15, r16, r17, d)
#define WV_ADD4(t0, t1, t2, t3, s0, s1, s2, s3)                                                                        \
    "add " #t0 "," #s0 "\n adc " #t1 "," #s1 "\n adc " #t2 "," #s2 "\n adc " #t3 "," #s3 "\n"
#define WV_EOR4(t0, t1, t2, t3, s0, s1, s2, s3)                                                                        \
    "eor " #t0 "," #s0 "\n eor " #t1 "," #s1 "\n eor " #t2 "," #s2 "\n eor " #t3 "," #s3 "\n"
/* One byte of a rotation to the right by four, from nibble-swapped bytes: its own low half, the next one's high half. */
#define WV_NIBBLE(own, next) "mov r20," #own "\n eor r20," #next "\n andi r20,0xF0\n eor " #own ",r20\n"

/* Ten double rounds of ChaCha20 on sixteen little-endian words. a: r2-r5, b: r6-r9, c: r10-r13, d: r14-r17. */
static inline void wv_avr_chacha20_rounds(uint8_t *state)
{
    __asm__ volatile(
        "ldi r18,10\n"
        "1: ldi r19,4\n"
        "5:\n" WV_QUARTER(0, 16, 32, 48) /* the four columns, one word further each time */
        "adiw r30,4\n"
        "dec r19\n"
        "brne 5b\n"
        "sbiw r30,16\n"
            WV_QUARTER(0, 20, 40, 60) WV_QUARTER(4, 24, 44, 48) WV_QUARTER(8, 28, 32, 52) WV_QUARTER(12, 16, 36, 56)
        "dec r18\n"
        "breq 2f\n"
        "rjmp 1b\n"
        "2: rjmp 4f\n"
        /* A quarter round in registers. */
        "3:\n" WV_ADD4(r2, r3, r4, r5, r6, r7, r8, r9) WV_EOR4(r14, r15, r16, r17, r2, r3, r4, r5)
        "movw r20,r14\n movw r14,r16\n movw r16,r20\n" /* d <<< 16 */
        WV_ADD4(r10, r11, r12, r13, r14, r15, r16, r17) WV_EOR4(r6, r7, r8, r9, r10, r11, r12, r13)
        "movw r20,r6\n movw r6,r8\n movw r8,r20\n" /* b <<< 12: 16 to the left, 4 to the right */
        "swap r6\n swap r7\n swap r8\n swap r9\n mov r21,r6\n" WV_NIBBLE(r6, r7) WV_NIBBLE(r7, r8) WV_NIBBLE(r8, r9)
            WV_NIBBLE(r9, r21)
        WV_ADD4(r2, r3, r4, r5, r6, r7, r8, r9) WV_EOR4(r14, r15, r16, r17, r2, r3, r4, r5)
        "mov r20,r17\n mov r17,r16\n mov r16,r15\n mov r15,r14\n mov r14,r20\n" /* d <<< 8 */
        WV_ADD4(r10, r11, r12, r13, r14, r15, r16, r17) WV_EOR4(r6, r7, r8, r9, r10, r11, r12, r13)
        "mov r20,r9\n mov r9,r8\n mov r8,r7\n mov r7,r6\n mov r6,r20\n" /* b <<< 7: 8 to the left, 1 to the right */
        "lsr r20\n ror r9\n ror r8\n ror r7\n ror r6\n"
        "ret\n"
        "4:\n"
        : "+z"(state)
        :
        : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "r16", "r17", "r18",
          "r19", "r20", "r21", "memory");
}

/* Adds little-endian words, each by itself. */
static inline void wv_avr_add_words(uint8_t *to, const uint8_t *from, uint8_t words)
{
    __asm__ volatile("1: ldi r20,4\n"
                     "clc\n"
                     "2: ld r18,Z\n"
                     "ld r19,X+\n"
                     "adc r18,r19\n"
                     "st Z+,r18\n"
                     "dec r20\n"
                     "brne 2b\n"
                     "dec %[words]\n"
                     "brne 1b\n"
                     : [words] "+d"(words), "+z"(to), "+x"(from)
                     :
                     : "r18", "r19", "r20", "memory");
}

/* to += from, 16 bytes, lowest first; returns the carry. */
static inline uint8_t wv_avr_add16(uint8_t *to, const uint8_t *from)
{
    uint8_t carry;
    __asm__ volatile("ldi %[carry],16\n"
                     "clc\n"
                     "1: ld r18,Z\n"
                     "ld r19,X+\n"
                     "adc r18,r19\n"
                     "st Z+,r18\n"
                     "dec %[carry]\n" /* leaves the carry flag alone, and 0 behind */
                     "brne 1b\n"
                     "rol %[carry]\n"
                     : [carry] "=&d"(carry), "+z"(to), "+x"(from)
                     :
                     : "r18", "r19", "memory");
    return carry;
}

#define WV_PRODUCT "ld r14,X+\n ld r15,-Z\n mul r14,r15\n add r18,r0\n adc r19,r1\n adc r20,r21\n"

/*
 * product = h * r, 17 by 16 bytes, column by column: column k sums h[i] r[k - i]. X runs up h from r24, Z down r from r22,
 * r16 products in a column; the sum is in r18 to r20.
 */
static inline void wv_avr_multiply(uint8_t *product, const uint8_t h[17], const uint8_t r[16])
{
    register const uint8_t *end __asm__("r22") = r;
    __asm__ volatile("push r28\n push r29\n"
                     "movw r28,r26\n"
                     "movw r24,r30\n"
                     "clr r16\n clr r18\n clr r19\n clr r20\n clr r21\n"
                     "1: inc r16\n" /* columns 0 to 15: from h[0] on, one product more each time */
                     "subi r22,-1\n sbci r23,-1\n"
                     "rcall 3f\n"
                     "cpi r16,16\n"
                     "brne 1b\n"
                     "2: adiw r24,1\n" /* columns 16 to 31: down from r[15], one product less each time */
                     "rcall 3f\n"
                     "dec r16\n"
                     "brne 2b\n"
                     "st Y,r18\n"
                     "rjmp 5f\n"
                     "3: movw r26,r24\n movw r30,r22\n mov r17,r16\n"
                     "lsr r17\n" /* an odd one first, then two at a time */
                     "brcc 4f\n" WV_PRODUCT
                     "tst r17\n"
                     "breq 6f\n"
                     "4:\n" WV_PRODUCT WV_PRODUCT
                     "dec r17\n"
                     "brne 4b\n"
                     "6:\n"
                     "st Y+,r18\n mov r18,r19\n mov r19,r20\n clr r20\n"
                     "ret\n"
                     "5: clr r1\n"
                     "pop r29\n pop r28\n"
                     : "+x"(product), "+z"(h), "+r"(end)
                     :
                     : "r14", "r15", "r16", "r17", "r18", "r19", "r20", "r21", "r24", "r25", "memory");
}

#endif
