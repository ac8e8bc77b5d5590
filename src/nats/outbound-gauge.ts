/**
 * How much has been written that the broker is not known to have read. The library and Node buffer without a
 * bound; while a link is dead and not yet found out, that is all that a busy process publishes. Every few
 * megabytes a ping goes behind what was sent: its pong proves the rest.
 */
const probeBytes = 4 * 1024 * 1024;
const unprovenBytesMax = 64 * 1024 * 1024;

export class OutboundGauge {
  readonly #probe: () => Promise<void>;
  #sentBytes = 0;
  #provenBytes = 0;
  #isProbing = false;

  constructor(probe: () => Promise<void>) {
    this.#probe = probe;
  }

  get hasRoom(): boolean {
    return this.#sentBytes - this.#provenBytes < unprovenBytesMax;
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
    if (this.#isProbing || this.#sentBytes - this.#provenBytes < probeBytes) return;
    this.#isProbing = true;
    const upTo = this.#sentBytes;
    this.#probe().then(
      () => this.#proven(upTo),
      // The link is down: what was written is gone, and the next one starts empty.
      () => this.#proven(this.#sentBytes),
    );
  }

  #proven(upTo: number): void {
    this.#isProbing = false;
    this.#provenBytes = upTo;
  }
}
