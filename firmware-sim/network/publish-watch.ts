/**
 * Watches the two directions of an MQTT connection for the moment at which a cut makes the client send a message twice:
 * the PUBLISH has reached the broker, its PUBACK has not reached the client.
 *
 * On a plain connection the packets are read. Under TLS they cannot be; there a long record of application data stands
 * for a PUBLISH and the next bytes from the broker for its PUBACK, which is usually, not always, what they are.
 */
import { type Packet, type Parser, parser } from "mqtt-packet";

export interface PublishWatch {
  /** Client to broker, as forwarded. True when this holds a PUBLISH that is to be repeated. */
  sent(bytes: Buffer): boolean;
  /** Broker to client. True when the broker has answered the PUBLISH that is to be repeated: time to cut. */
  answered(bytes: Buffer): boolean;
}

const TLS_HANDSHAKE = 0x16;
const TLS_APPLICATION_DATA = 0x17;
/** A TLS 1.3 client's certificate, proof and finish look like application data; then come CONNECT and SUBSCRIBE. */
const TLS_SETUP_RECORDS = 6;
/** Pings and acknowledgements are shorter than this, sealed share messages longer. */
const TLS_PUBLISH_BYTES = 96;

/** Picks the way to watch by the first byte of the client. */
export function watchFor(firstByte: number, shouldRepeat: () => boolean): PublishWatch {
  return firstByte === TLS_HANDSHAKE ? new TlsWatch(shouldRepeat) : new PlainWatch(shouldRepeat);
}

class PlainWatch implements PublishWatch {
  private readonly toBroker: Parser = parser({ protocolVersion: 4 });
  private readonly toClient: Parser = parser({ protocolVersion: 4 });
  private awaited: number | undefined;
  private isAnswered = false;
  /** Something else than MQTT: passed on, never repeated. */
  private isForeign = false;

  constructor(shouldRepeat: () => boolean) {
    this.toBroker.on("packet", (packet: Packet) => {
      if (packet.cmd !== "publish" || packet.qos !== 1 || this.awaited !== undefined) return;
      if (shouldRepeat()) this.awaited = packet.messageId;
    });
    this.toClient.on("packet", (packet: Packet) => {
      if (packet.cmd === "puback" && packet.messageId === this.awaited) this.isAnswered = true;
    });
    for (const side of [this.toBroker, this.toClient]) {
      side.on("error", () => {
        this.isForeign = true;
      });
    }
  }

  sent(bytes: Buffer): boolean {
    if (this.isForeign) return false;
    this.toBroker.parse(bytes);
    return this.awaited !== undefined;
  }

  answered(bytes: Buffer): boolean {
    if (this.isForeign) return false;
    this.toClient.parse(bytes);
    return this.isAnswered;
  }
}

class TlsWatch implements PublishWatch {
  private readonly shouldRepeat: () => boolean;
  private header: number[] = [];
  private bodyLeft = 0;
  private records = 0;
  private isAwaited = false;

  constructor(shouldRepeat: () => boolean) {
    this.shouldRepeat = shouldRepeat;
  }

  sent(bytes: Buffer): boolean {
    for (let at = 0; at < bytes.length; ) {
      if (this.bodyLeft > 0) {
        const part = Math.min(this.bodyLeft, bytes.length - at);
        this.bodyLeft -= part;
        at += part;
        if (this.bodyLeft === 0) this.endRecord();
        continue;
      }
      this.header.push(bytes[at] ?? 0);
      at += 1;
      if (this.header.length === 5) this.bodyLeft = ((this.header[3] ?? 0) << 8) | (this.header[4] ?? 0);
    }
    return this.isAwaited;
  }

  answered(): boolean {
    return this.isAwaited;
  }

  /** Only a whole record can be answered. */
  private endRecord(): void {
    const length = ((this.header[3] ?? 0) << 8) | (this.header[4] ?? 0);
    const isData = this.header[0] === TLS_APPLICATION_DATA;
    this.header = [];
    if (!isData) return;
    this.records += 1;
    if (this.records <= TLS_SETUP_RECORDS || length < TLS_PUBLISH_BYTES || this.isAwaited) return;
    this.isAwaited = this.shouldRepeat();
  }
}
