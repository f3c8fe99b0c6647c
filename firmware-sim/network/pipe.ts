/**
 * One direction of a connection through a link: bytes come out in order, each chunk as late as the link says, and not
 * at all while the link is silent. Holds back the source when too much is under way.
 */
import type { Socket } from "node:net";
import type { LinkClock } from "./clock.ts";
import type { Link } from "./link.ts";

const HIGH_WATER_BYTES = 256 * 1024;

interface Parcel {
  readonly at: number;
  /** Undefined: the end of the stream. */
  readonly bytes: Buffer | undefined;
}

export interface PipeOptions {
  readonly from: Socket;
  readonly to: Socket;
  readonly link: Link;
  readonly clock: LinkClock;
  /** Sees the bytes as they are delivered; false: keep them from the receiver. */
  readonly watch: (bytes: Buffer) => boolean;
  readonly onRetransmissions: (count: number) => void;
  /** Too many losses in a row: the connection is dead. */
  readonly onLost: () => void;
}

export class Pipe {
  private readonly options: PipeOptions;
  private readonly queue: Parcel[] = [];
  private queuedBytes = 0;
  private lastAt = 0;
  private lineFreeAt = 0;
  private cancel: (() => void) | undefined;
  private isStopped = false;

  constructor(options: PipeOptions) {
    this.options = options;
    const { from, to } = options;
    from.on("data", (bytes: Buffer) => {
      this.send(bytes);
    });
    from.on("end", () => {
      this.enqueue({ at: this.lastAt, bytes: undefined });
    });
    to.on("drain", () => {
      this.regulate();
    });
  }

  /** Delivers what is due; called again when the link comes back. */
  pump(): void {
    this.cancel?.();
    this.cancel = undefined;
    const { clock, link } = this.options;
    while (!this.isStopped && link.state === "up") {
      const parcel = this.queue[0];
      if (parcel === undefined) break;
      const wait = parcel.at - clock.now();
      if (wait > 0) {
        this.cancel = clock.after(wait, () => {
          this.pump();
        });
        break;
      }
      this.queue.shift();
      this.deliver(parcel);
    }
    this.regulate();
  }

  /** Nothing comes out any more. */
  stop(): void {
    this.isStopped = true;
    this.cancel?.();
    this.queue.length = 0;
  }

  private send(bytes: Buffer): void {
    const { link, clock, onRetransmissions, onLost } = this.options;
    const transfer = link.transfer(bytes.length);
    if (transfer.retransmissions > 0) onRetransmissions(transfer.retransmissions);
    if (transfer.lost) {
      onLost();
      return;
    }
    this.lineFreeAt = Math.max(this.lineFreeAt, clock.now()) + transfer.serialisationMs;
    // TCP keeps order: what is sent later never arrives earlier.
    this.lastAt = Math.max(this.lastAt, this.lineFreeAt + transfer.delayMs);
    this.queuedBytes += bytes.length;
    this.enqueue({ at: this.lastAt, bytes });
  }

  private enqueue(parcel: Parcel): void {
    if (this.isStopped) return;
    this.queue.push(parcel);
    if (this.queue.length === 1) this.pump();
    else this.regulate();
  }

  private deliver({ bytes }: Parcel): void {
    const { to, watch } = this.options;
    if (bytes === undefined) {
      to.end();
      return;
    }
    this.queuedBytes -= bytes.length;
    if (watch(bytes)) to.write(bytes);
  }

  private regulate(): void {
    const { from, to } = this.options;
    if (this.queuedBytes > HIGH_WATER_BYTES || to.writableNeedDrain) from.pause();
    else if (!this.isStopped) from.resume();
  }
}
