/*
 * A Wattveil pulse meter as an Arduino sketch, for boards with 1 KB of EEPROM: Uno, Nano, Mega, Leonardo and their kin.
 * `npm run firmware -- sketch` makes the folder that the Arduino IDE opens: this file, and the portable core in src/.
 * It does what the firmware proper (../../avr) does with the Arduino library alone, and does not sleep.
 *
 * Pin 2: S0 output, active low (its other side to GND). Pin 4: provisioning jumper to GND. The LED shows the contact.
 */
#include <EEPROM.h>

extern "C" {
#include "src/wv.h"
}

const uint8_t PULSE_PIN = 2;
const uint8_t JUMPER_PIN = 4;

// S0 (EN 62053-31) is at least 30 ms low, then 30 ms high. What is shorter than half of that is bouncing.
const unsigned long SHORTEST_MS = 14;

volatile uint16_t waiting;
unsigned long fellAt, roseAt;
bool isCounted;

// A pulse counts when it was low for long enough, once until the line has rested for long enough.
void onEdge() {
  const unsigned long now = millis();
  const bool isLow = digitalRead(PULSE_PIN) == LOW;
  if (isLow) {
    if (now - roseAt >= SHORTEST_MS) isCounted = false;
    fellAt = now;
  } else {
    if (now - fellAt >= SHORTEST_MS && !isCounted) {
      isCounted = true;
      waiting++;
    }
    roseAt = now;
  }
  digitalWrite(LED_BUILTIN, isLow);
}

extern "C" {
uint8_t wv_port_eeprom_read(uint16_t at) { return EEPROM.read(at); }

void wv_port_eeprom_write(uint16_t at, uint8_t value) {
  EEPROM.write(at, value);
  // The library returns before the cell is written; a read waits for that.
  EEPROM.read(at);
}

void wv_port_send(uint8_t byte) { Serial.write(byte); }

// millis() turns over after 49 days.
uint32_t wv_port_seconds(void) {
  static uint32_t seconds;
  static unsigned long begun;
  while (millis() - begun >= 1000) {
    begun += 1000;
    seconds++;
  }
  return seconds;
}

uint16_t wv_port_take_pulses(void) {
  noInterrupts();
  const uint16_t taken = waiting;
  waiting = 0;
  interrupts();
  return taken;
}

bool wv_port_jumper(void) { return digitalRead(JUMPER_PIN) == LOW; }
}

void setup() {
  pinMode(PULSE_PIN, INPUT_PULLUP);
  pinMode(JUMPER_PIN, INPUT_PULLUP);
  pinMode(LED_BUILTIN, OUTPUT);
  // A line that is low at the start was counted before the start, or never began.
  isCounted = true;
  attachInterrupt(digitalPinToInterrupt(PULSE_PIN), onEdge, CHANGE);
  Serial.begin(115200);
  wv_start();
}

void loop() {
  // The gateway sends one frame and waits for its reply, so what follows a complete frame can wait in Serial's buffer.
  while (Serial.available() > 0) {
    if (wv_receive(Serial.read())) break;
  }
  wv_poll();
}
