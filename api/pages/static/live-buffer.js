/** Feed a video element with live fragments so that it stays a blink behind: append, catch up, trim, start afresh when it breaks. */

const LAG_TARGET_S = 0.12;
const LAG_LOOSE_S = 0.16;
const CATCH_UP_RATE = 1.1;
const SEEK_BEHIND_S = 1;
const KEPT_S = 10;
const TRIM_AT_S = 30;
const QUEUE_LONGEST_FRAMES = 150;

/** @typedef {import("./live-socket.js").Init} Init @typedef {import("./live-socket.js").Frame} Frame */

export class LiveBuffer {
  /**
   * @param {HTMLVideoElement} video
   * @param {(message: string) => void} onUnplayable the browser can't play this kind of video
   */
  constructor(video, onUnplayable) {
    this.video = video;
    this.onUnplayable = onUnplayable;
    /** @type {SourceBuffer | null} */
    this.buffer = null;
    /** @type {Init | null} */
    this.init = null;
    /** @type {({init: Init} | {frame: Frame})[]} */
    this.queue = [];
    /** @type {{from_s: number, captured_ms: number}[]} where on the media axis which capture instant begins */
    this.marks = [];
    this.waitForKeyframe = true;
  }

  /** @param {Init} init */
  setInit(init) {
    const type = `video/mp4; codecs="${init.codec}"`;
    if (!MediaSource.isTypeSupported(type)) {
      this.onUnplayable(init.codec);
      return;
    }
    const isFirst = this.init === null;
    this.init = init;
    this.waitForKeyframe = true;
    if (isFirst) this.#rebuild();
    else {
      this.queue = this.queue.filter((entry) => "frame" in entry);
      this.queue.push({ init });
      this.#pump();
    }
  }

  /** @param {Frame} frame */
  push(frame) {
    if (!this.init || (this.waitForKeyframe && !frame.isKeyframe)) return;
    this.waitForKeyframe = false;
    if (this.queue.length >= QUEUE_LONGEST_FRAMES) {
      // The decoder does not keep up: what is waiting is old anyway. Go on at the next keyframe.
      this.queue = this.queue.filter((entry) => "init" in entry);
      this.waitForKeyframe = !frame.isKeyframe;
      if (this.waitForKeyframe) return;
    }
    this.queue.push({ frame });
    this.#pump();
  }

  /** @param {number} media_s @returns {number | null} when the picture at this media time was captured */
  capturedAt_ms(media_s) {
    const mark = this.marks.findLast((candidate) => candidate.from_s <= media_s + 0.005);
    return mark ? mark.captured_ms + (media_s - mark.from_s) * 1000 : null;
  }

  close() {
    this.queue = [];
    this.marks = [];
    this.buffer = null;
    this.init = null;
    if (this.video.src) {
      URL.revokeObjectURL(this.video.src);
      this.video.removeAttribute("src");
      this.video.load();
    }
  }

  #rebuild() {
    const init = this.init;
    const source = new MediaSource();
    this.buffer = null;
    this.marks = [];
    if (this.video.src) URL.revokeObjectURL(this.video.src);
    this.video.src = URL.createObjectURL(source);
    this.queue = [{ init }, ...this.queue.filter((entry) => "frame" in entry)];
    source.addEventListener("sourceopen", () => {
      if (this.init !== init) return;
      this.buffer = source.addSourceBuffer(`video/mp4; codecs="${init.codec}"`);
      // Frames lie one behind the other whatever their own times say: a dropped frame leaves no hole to stall in.
      this.buffer.mode = "sequence";
      this.buffer.addEventListener("updateend", () => this.#settled());
      this.#pump();
    }, { once: true });
    this.video.play().catch((reason) => console.info("playing waits", reason.name));
  }

  #pump() {
    const buffer = this.buffer;
    if (!buffer || buffer.updating || !this.queue.length) return;
    try {
      if ("init" in this.queue[0]) {
        const { init } = this.queue.shift();
        buffer.changeType(`video/mp4; codecs="${init.codec}"`);
        buffer.appendBuffer(init.bytes);
        return;
      }
      const frames = this.#takeFrames();
      const from_s = buffer.buffered.length ? buffer.buffered.end(buffer.buffered.length - 1) : 0;
      this.marks.push({ from_s, captured_ms: frames[0].captured_ms });
      buffer.appendBuffer(frames.length === 1 ? frames[0].bytes : joined(frames));
    } catch (reason) {
      if (reason.name === "QuotaExceededError") this.#makeRoom();
      else this.#startAfresh(reason);
    }
  }

  /** @returns {Frame[]} the frames before the next init, at least one */
  #takeFrames() {
    const end = this.queue.findIndex((entry) => "init" in entry);
    return this.queue.splice(0, end < 0 ? this.queue.length : end).map((entry) => entry.frame);
  }

  #settled() {
    const { buffer, video } = this;
    if (!buffer || video.error) {
      this.#startAfresh(video.error);
      return;
    }
    const ranges = buffer.buffered;
    if (ranges.length) {
      const end_s = ranges.end(ranges.length - 1);
      const lag_s = end_s - video.currentTime;
      if (lag_s > SEEK_BEHIND_S || video.currentTime < ranges.start(ranges.length - 1)) {
        video.currentTime = Math.max(ranges.start(ranges.length - 1), end_s - LAG_TARGET_S);
        video.playbackRate = 1;
      } else if (lag_s > LAG_LOOSE_S) video.playbackRate = CATCH_UP_RATE;
      else if (lag_s < LAG_TARGET_S) video.playbackRate = 1;
      if (end_s - ranges.start(0) > TRIM_AT_S && !buffer.updating) {
        buffer.remove(0, end_s - KEPT_S);
        this.marks = this.marks.filter((mark) => mark.from_s >= end_s - KEPT_S);
        return;
      }
    }
    this.#pump();
  }

  #makeRoom() {
    const ranges = this.buffer.buffered;
    this.waitForKeyframe = true;
    if (ranges.length) this.buffer.remove(0, ranges.end(ranges.length - 1));
  }

  #startAfresh(reason) {
    console.info("starting the picture afresh", reason);
    if (!this.init) return;
    this.queue = [];
    this.waitForKeyframe = true;
    this.#rebuild();
  }
}

/** @param {Frame[]} frames */
function joined(frames) {
  const all = new Uint8Array(frames.reduce((sum, frame) => sum + frame.bytes.length, 0));
  let offset = 0;
  for (const { bytes } of frames) {
    all.set(bytes, offset);
    offset += bytes.length;
  }
  return all;
}
