/** The one clock that several players follow: plays, pauses, waits, steps, jumps. Wall time of the recording, in milliseconds. */

export const SPEEDS = [0.5, 1, 2, 4, 8];

export class PlaybackClock {
  constructor() {
    this.at_ms = Number.NaN;
    this.isPlaying = false;
    this.rate = 1;
    this.beat_ms = performance.now();
  }

  /** Let the time since the last beat pass. @param {boolean} mayRun false while pictures are still to come */
  beat(mayRun) {
    const now_ms = performance.now();
    const passed_ms = now_ms - this.beat_ms;
    this.beat_ms = now_ms;
    if (this.isPlaying && mayRun) this.at_ms += passed_ms * this.rate;
  }

  /** @param {number} at_ms */
  jump(at_ms) {
    this.at_ms = at_ms;
    this.beat_ms = performance.now();
  }

  /** @param {number} direction -1 slower, 1 faster */
  shift(direction) {
    const index = Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(this.rate) + direction));
    this.rate = SPEEDS[index];
  }
}
