/**
 * What happens when on one chip. Peripherals do nothing between events: each has an alarm for the next cycle at which
 * something changes, so that a sleeping chip costs nothing and a computing one a single comparison per instruction.
 */

/** Something that is due at a cycle, counted from the first power-up of the machine. */
export class Alarm {
  due = Number.POSITIVE_INFINITY;
  readonly fire: () => void;

  constructor(fire: () => void) {
    this.fire = fire;
  }
}

export class Agenda {
  /** When the next alarm is due. */
  next = Number.POSITIVE_INFINITY;
  /** Called when `next` changes: what runs until then must look again. */
  readonly #changed: () => void;
  readonly #alarms: Alarm[] = [];

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  add(alarm: Alarm): Alarm {
    this.#alarms.push(alarm);
    this.#refresh();
    return alarm;
  }

  set(alarm: Alarm, due: number): void {
    alarm.due = due;
    this.#refresh();
  }

  cancel(alarm: Alarm): void {
    this.set(alarm, Number.POSITIVE_INFINITY);
  }

  /** Fires what is due at `now`, earliest first. */
  fireDue(now: number): void {
    while (this.next <= now) {
      let first = this.#alarms[0]!;
      for (const alarm of this.#alarms) if (alarm.due < first.due) first = alarm;
      this.cancel(first);
      first.fire();
    }
  }

  #refresh(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { due } of this.#alarms) if (due < next) next = due;
    if (next === this.next) return;
    this.next = next;
    this.#changed();
  }
}
