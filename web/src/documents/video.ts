import { DocumentRefused } from "./kinds.ts";

const STEP_TIMEOUT_MS = 20_000;
/** Beyond the end of every video: browsers go to the end, and know then where it is. */
const FAR_S = 1e7;
const JPEG_QUALITY = 0.93;

function once(video: HTMLVideoElement, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      done();
      reject(new DocumentRefused("codec", new Error(`no ${event}`)));
    }, STEP_TIMEOUT_MS);
    const happened = () => {
      done();
      resolve();
    };
    const failed = () => {
      done();
      reject(new DocumentRefused("codec", video.error));
    };
    function done() {
      clearTimeout(timer);
      video.removeEventListener(event, happened);
      video.removeEventListener("error", failed);
    }
    video.addEventListener(event, happened);
    video.addEventListener("error", failed);
  });
}

/** A video that the browser can play. `close` gives its memory back. */
export class Video {
  readonly #element: HTMLVideoElement;
  readonly durationS: number;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(element: HTMLVideoElement, durationS: number) {
    this.#element = element;
    this.durationS = durationS;
  }

  get width(): number {
    return this.#element.videoWidth;
  }
  get height(): number {
    return this.#element.videoHeight;
  }

  close(): void {
    URL.revokeObjectURL(this.#element.src);
    this.#element.removeAttribute("src");
    this.#element.load();
  }

  /** The frame at a time, at most `longerSide` pixels long. One after the other, in the order of the calls. */
  frame(timeS: number, longerSide = Infinity): Promise<Blob> {
    const frame = this.#turn.then(() => this.#frame(timeS, longerSide));
    this.#turn = frame.catch(() => undefined);
    return frame;
  }

  async #frame(timeS: number, longerSide: number): Promise<Blob> {
    const video = this.#element;
    if (Math.abs(video.currentTime - timeS) > 0.001) {
      const there = once(video, "seeked");
      video.currentTime = timeS;
      await there;
    }
    const scale = Math.min(1, longerSide / Math.max(this.width, this.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(this.width * scale));
    canvas.height = Math.max(1, Math.round(this.height * scale));
    canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve, reject) => {
      canvas.toBlob(
        (blob) => {
          if (blob) resolve(blob);
          else reject(new DocumentRefused("codec"));
        },
        "image/jpeg",
        JPEG_QUALITY,
      );
    });
  }
}

/** Throws: DocumentRefused. */
export async function openVideo(file: File): Promise<Video> {
  const element = document.createElement("video");
  element.muted = true;
  element.playsInline = true;
  element.preload = "auto";
  const ready = once(element, "loadeddata");
  element.src = URL.createObjectURL(file);
  try {
    await ready;
    if (element.videoWidth === 0) throw new DocumentRefused("codec"); // sound only
    let { duration } = element;
    if (!Number.isFinite(duration)) {
      // Recorded by a browser: the length stands nowhere.
      const end = once(element, "seeked");
      element.currentTime = FAR_S;
      await end;
      duration = Number.isFinite(element.duration) ? element.duration : element.currentTime;
    }
    return new Video(element, duration);
  } catch (cause) {
    URL.revokeObjectURL(element.src);
    throw cause;
  }
}
